import TapestryGraph

extension Model {
  /// Freezes the parameters and buffers that the patterns stand for.
  ///
  /// A frozen parameter is a constant: no gradient is computed for it, an optimizer leaves it untouched, weight decay
  /// included, and what lies below all that is trained is not even recorded. Frozen running statistics stay as they
  /// are: a batch normalisation uses them in training as it does in inference. Dropout is not affected.
  ///
  /// ```swift
  /// try net.freeze("features")          // all below features: features.0.weight, ...
  /// try net.freeze("*.bias", "layer4.*.conv2")
  /// ```
  ///
  /// - Returns: the names that were frozen, in the model's order, also those that had been frozen before.
  /// - Throws: ``UnknownName`` for each pattern that matches nothing, with the nearest names. Nothing is frozen then.
  @discardableResult
  public func freeze(_ patterns: NamePattern...) throws(UnknownName) -> [String] {
    try setFrozen(true, patterns)
  }

  /// Freezes the parameters and buffers that the patterns stand for. See ``freeze(_:)-(NamePattern...)``.
  @discardableResult
  public func freeze(_ patterns: [NamePattern]) throws(UnknownName) -> [String] {
    try setFrozen(true, patterns)
  }

  /// Lets the parameters and buffers that the patterns stand for be trained again; without patterns all of them.
  ///
  /// - Returns: their names, in the model's order.
  /// - Throws: ``UnknownName`` for each pattern that matches nothing, with the nearest names. Nothing is changed then.
  @discardableResult
  public func unfreeze(_ patterns: NamePattern...) throws(UnknownName) -> [String] {
    try setFrozen(false, patterns.isEmpty ? ["*"] : patterns)
  }

  /// The number of values in frozen parameters.
  public var frozenParameterCount: Int {
    parameters.reduce(0) { $0 + ($1.isFrozen ? $1.count : 0) }
  }

  private func setFrozen(
    _ isFrozen: Bool, _ patterns: [NamePattern]
  ) throws(UnknownName) -> [String] {
    let members = members
    let names = members.state.map(\.name)
    let unused = patterns.filter { !names.contains(where: $0.matches) }
    guard unused.isEmpty || names.isEmpty else {
      throw UnknownName(patterns: unused, among: names)
    }
    let chosen = members.state.filter { member in patterns.contains { $0.matches(member.name) } }
    for (_, value) in chosen {
      (value as? Parameter)?.isFrozen = isFrozen
      (value as? Buffer)?.isFrozen = isFrozen
    }
    return chosen.map(\.name)
  }
}

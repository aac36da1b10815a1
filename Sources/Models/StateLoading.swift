import TapestryFiles
import TapestryGraph

extension Model {
  /// Reads parameters and buffers by name from a safetensors file, or from the files that an index
  /// (`model.safetensors.index.json`) lists.
  ///
  /// Nothing is left out in silence: every name of the model must be in the file with the same shape, and every
  /// array of the file must belong to the model, but for what `allowing` and `except` name. Floating-point numbers
  /// of 16, 32 and 64 bits are converted to the model's type. PyTorch's `num_batches_tracked` is passed over. Where the
  /// file carries checksums, as those of this library do, they are compared.
  ///
  /// ```swift
  /// try net.load(from: "net.safetensors")
  /// try net.load(from: "resnet18.safetensors", except: ["fc"])          // the head stays as it was initialised
  /// print(try net.load(from: "resnet18.safetensors", allowing: .all))   // whatever fits, and what did not
  /// ```
  ///
  /// - Parameters:
  ///   - renaming: what the names in the file are called in the model. Default: the same.
  ///   - except: names of the model that keep their values, whatever the file has for them.
  ///   - differences: in which ways the file may differ; at least one name must fit. Default: in none.
  /// - Returns: what was loaded, and what was left out and why.
  /// - Throws: `FileError` for a file that is not valid; ``StateMismatch`` that lists everything that differs.
  ///   The model is then unchanged.
  @discardableResult
  public func load(
    from path: String, renaming: StateRenaming = .none, except: [NamePattern] = [],
    allowing differences: StateDifferences = []
  ) throws -> StateReport {
    try load(
      SafetensorsState(path: path), source: path, renaming: renaming, except: except,
      allowing: differences)
  }

  /// Reads parameters and buffers by name from an open safetensors file.
  @discardableResult
  public func load(
    _ file: SafetensorsFile, source: String = "the file", renaming: StateRenaming = .none,
    except: [NamePattern] = [], allowing differences: StateDifferences = []
  ) throws(StateMismatch) -> StateReport {
    try load(
      SafetensorsState(file), source: source, renaming: renaming, except: except,
      allowing: differences)
  }

  /// Reads parameters and buffers by name from open safetensors files.
  @discardableResult
  public func load(
    _ state: SafetensorsState, source: String = "the file", renaming: StateRenaming = .none,
    except: [NamePattern] = [], allowing differences: StateDifferences = []
  ) throws(StateMismatch) -> StateReport {
    let plan = try StatePlan(
      members.state, from: state, source: source, renaming: renaming, except: except,
      allowing: differences)
    plan.assign(from: state)
    return plan.report
  }

  /// Compares names, shapes and types with those of open safetensors files, as ``load(_:source:renaming:except:allowing:)``
  /// would, without reading a number: also for a model that was made in a dry run.
  package func requireFit(_ state: SafetensorsState, source: String) throws(StateMismatch) {
    _ = try StatePlan(
      members.state, from: state, source: source, renaming: .none, except: [], allowing: [],
      verifying: false)
  }
}

/// Which array of a file goes to which parameter or buffer, found before anything is changed.
package struct StatePlan {
  private var pairs: [(target: Tensor, entry: SafetensorsEntry)] = []
  private(set) var report: StateReport

  private let members: [(name: String, value: Tensor)]
  private let except: [NamePattern]
  private let isExact: Bool
  /// The file's arrays by the model's names for them, and those names in the file's order.
  private var stored = ExactNames<SafetensorsEntry>()
  private var storedNames: [String] = []
  /// What no permission helps against.
  private var conflicts: [String] = []

  /// - Parameters:
  ///   - isExact: whether numbers must have the model's own type, or are converted to it.
  /// - Throws: `StateMismatch` with everything that differs and is not allowed.
  package init(
    _ members: [(name: String, value: Tensor)], from state: SafetensorsState, source: String,
    renaming: StateRenaming = .none, except: [NamePattern] = [],
    allowing differences: StateDifferences = [], isExact: Bool = false, verifying: Bool = true
  ) throws(StateMismatch) {
    self.members = members
    self.except = except
    self.isExact = isExact
    report = StateReport(source: source)
    rename(state.entries, renaming)
    matchMembers()
    matchRest()
    checkPatterns()
    if verifying { conflicts += pairs.compactMap { state.damage(of: $0.entry) } }
    let refused = report.omissions.filter { !Self.isAllowed($0.reason, differences) }
    var problems = conflicts + refused.map(\.description)
    if problems.isEmpty, pairs.isEmpty, !members.isEmpty {
      problems = report.omissions.map(\.description) + ["not one array fits"]
    }
    guard problems.isEmpty else {
      throw StateMismatch(source: source, problems: problems, remedy: remedy)
    }
  }

  /// Gives the parameters and buffers the values that `state`, which the plan was made for, has for them.
  package func assign(from state: SafetensorsState) {
    for (target, entry) in pairs {
      guard let value = StateFile.tensor(entry, of: state, dtype: target.dtype) else { continue }
      if let parameter = target as? Parameter { parameter.value = value }
      if let buffer = target as? Buffer { buffer.value = value }
    }
  }

  private static func isAllowed(
    _ reason: StateReport.Omission.Reason, _ differences: StateDifferences
  ) -> Bool {
    switch reason {
    case .missing: differences.contains(.missing)
    case .unknown: differences.contains(.unknown)
    case .misshaped: differences.contains(.misshaped)
    case .unconvertible: false
    case .excluded: true
    }
  }

  private mutating func rename(_ entries: [SafetensorsEntry], _ renaming: StateRenaming) {
    for entry in entries {
      guard let name = renaming(entry.name) else {
        omit(entry.name, .excluded, "left out by the renaming: \(shown(entry.name))")
        continue
      }
      if let other = stored.update(name, entry) {
        conflicts.append(
          "renaming: \(shown(other.name)) and \(shown(entry.name)) both become \(shown(name))")
      } else {
        storedNames.append(name)
      }
    }
  }

  private mutating func matchMembers() {
    for (name, target) in members {
      if let pattern = except.first(where: { $0.matches(name) }) {
        omit(name, .excluded, "left out by \"\(pattern)\": \(name)")
        continue
      }
      guard let entry = stored[name] else {
        omit(name, .missing, "missing: \(name) \(target.spec)")
        continue
      }
      guard entry.shape == Array(target.shape) else {
        omit(
          name, .misshaped,
          "shape: \(name) is \(entry.shape) in the file, \(target.shape) in the model")
        continue
      }
      let converts =
        isExact
        ? StateFile.dtype(target.dtype) == entry.dtype
        : StateFile.converts(entry.dtype, to: target.dtype)
      guard converts else {
        omit(
          name, .unconvertible,
          "type: \(name) is \(entry.dtype.rawValue) in the file, \(target.dtype) in the model")
        continue
      }
      pairs.append((target, entry))
      report.loaded.append(name)
    }
  }

  /// The arrays of the file that the model has no name for.
  private mutating func matchRest() {
    let known = ExactNameSet(members.map(\.name))
    let counters = ExactNameSet(members.compactMap { StateFile.counter(beside: $0.name) })
    for name in storedNames where !known.contains(name) && !counters.contains(name) {
      if let pattern = except.first(where: { $0.matches(name) }) {
        omit(name, .excluded, "left out by \"\(pattern)\": \(shown(name))")
      } else {
        omit(name, .unknown, "unknown: \(shown(name)) \(stored[name]?.shape ?? [])")
      }
    }
  }

  private mutating func checkPatterns() {
    let names = members.map(\.name)
    let unused = except.filter { pattern in
      !names.contains(where: pattern.matches) && !storedNames.contains(where: pattern.matches)
    }
    guard !unused.isEmpty else { return }
    conflicts += UnknownName(patterns: unused, among: names).problems.map { "except: \($0)" }
  }

  private mutating func omit(
    _ name: String, _ reason: StateReport.Omission.Reason, _ description: String
  ) {
    report.omissions.append(
      StateReport.Omission(name: name, reason: reason, description: description))
  }

  /// The prefix that most unknown names have too much, or too little, when there is one.
  private var remedy: String? {
    let known = Set(members.map(\.name))
    let unknown = report.names(.unknown)
    func explains(_ name: (String) -> String) -> Bool {
      2 * unknown.count { known.contains(name($0)) } > unknown.count
    }
    // The first may be of a layer that the model does not have.
    for name in unknown.prefix(8) where name.utf8.count < 1000 {
      for dot in name.indices where name[dot] == "." {
        let prefix = String(name[...dot])
        let renaming = StateRenaming.removingPrefix(prefix)
        if explains({ renaming($0) ?? $0 }) {
          return "with renaming: .removingPrefix(\(quoted(prefix))) more would fit"
        }
      }
      for (longer, _) in members where longer.hasSuffix("." + name) {
        let prefix = String(longer.dropLast(name.count))
        if explains({ prefix + $0 }) {
          return "with renaming: .addingPrefix(\(quoted(prefix))) more would fit"
        }
      }
    }
    return nil
  }
}

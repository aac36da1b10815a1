import TapestryGraph

/// The parameters, buffers and layers of a model in the order of its properties, each with its dotted name.
///
/// Found by one walk with `Mirror`, about 4 microseconds a parameter: done once and kept by optimizers.
public struct ModelMembers {
  public private(set) var parameters: [(name: String, parameter: Parameter)] = []
  public private(set) var buffers: [(name: String, buffer: Buffer)] = []
  /// A layer that is the model itself has an empty name.
  public private(set) var layers: [(name: String, layer: LayerOrigin)] = []
  /// Parameters and buffers in the order met: the order of a state file.
  public private(set) var state: [(name: String, value: Tensor)] = []
  private var seen: Set<ObjectIdentifier> = []

  /// No members; for types that list theirs by hand.
  public init() {}

  /// Walks the stored properties of `model`.
  ///
  /// - Precondition: every container in it can name its contents: properties, arrays, optionals, tuples. A
  ///   dictionary, a set or a closure would lose a parameter in silence, and traps.
  public init(of model: Any) {
    visit(children: Mirror(reflecting: model), path: "", owner: String(describing: type(of: model)))
  }

  public mutating func add(_ name: String, _ parameter: Parameter) {
    guard seen.insert(ObjectIdentifier(parameter)).inserted else { return }
    parameters.append((name, parameter))
    state.append((name, parameter))
  }

  public mutating func add(_ name: String, _ buffer: Buffer) {
    guard seen.insert(ObjectIdentifier(buffer)).inserted else { return }
    buffers.append((name, buffer))
    state.append((name, buffer))
  }

  /// Adds the layer itself, whose name is that of its place in the model; for layers that list their members by hand.
  public mutating func add(_ origin: LayerOrigin) {
    if seen.insert(ObjectIdentifier(origin)).inserted { layers.append(("", origin)) }
  }

  /// Adds a layer that is no type of its own, such as a node of a graph that was read from a file.
  package mutating func add(_ name: String, _ layer: LayerOrigin) {
    if seen.insert(ObjectIdentifier(layer)).inserted { layers.append((name, layer)) }
  }

  /// Adds the members of a part under its name; the part may list them by hand.
  public mutating func add(_ name: String, _ part: some Model) {
    let part = part.members
    for (member, value) in part.state {
      if let parameter = value as? Parameter { add("\(name).\(member)", parameter) }
      if let buffer = value as? Buffer { add("\(name).\(member)", buffer) }
    }
    for (member, layer) in part.layers where seen.insert(ObjectIdentifier(layer)).inserted {
      layers.append((member.isEmpty ? name : "\(name).\(member)", layer))
    }
  }

  /// Tells parameters, buffers and layers their names. A part that belongs to a larger model keeps its longer one.
  func assignNames() {
    func prefers(_ name: String, over old: String?) -> Bool { name.count >= old?.count ?? 0 }
    for (name, parameter) in parameters where prefers(name, over: parameter.name) {
      parameter.name = name
    }
    for (name, buffer) in buffers where prefers(name, over: buffer.name) { buffer.name = name }
    for (name, layer) in layers where !name.isEmpty && prefers(name, over: layer.name) {
      layer.name = name
    }
  }

  private mutating func visit(_ value: Any, path: String, owner: String) {
    switch value {
    case let parameter as Parameter: add(path, parameter)
    case let buffer as Buffer: add(path, buffer)
    case is Tensor: break
    case let origin as LayerOrigin:
      // The property that holds it belongs to the layer: the name is the layer's own, empty for a layer by itself.
      let name = path.split(separator: ".").dropLast().joined(separator: ".")
      if seen.insert(ObjectIdentifier(origin)).inserted { layers.append((name, origin)) }
    case let part as any Model: add(path, part)
    default:
      if isLeafType(value) { return }
      visit(children: Mirror(reflecting: value), path: path, owner: owner)
    }
  }

  private mutating func visit(children mirror: Mirror, path: String, owner: String) {
    switch mirror.displayStyle {
    case .dictionary, .set:
      if mirror.children.isEmpty { return }
      refuse(path, owner, "a \(mirror.displayStyle == .set ? "set" : "dictionary")")
    case .optional:
      if let child = mirror.children.first { visit(child.value, path: path, owner: owner) }
      return
    default: break
    }
    if String(describing: mirror.subjectType).contains("->") { refuse(path, owner, "a closure") }
    var current: Mirror? = mirror
    while let level = current {
      for (index, child) in level.children.enumerated() {
        var label = child.label ?? String(index)
        if label.hasPrefix(".") { label.removeFirst() }
        if label.hasPrefix("[") { label = String(index) }
        visit(child.value, path: path.isEmpty ? label : "\(path).\(label)", owner: owner)
      }
      current = level.superclassMirror
    }
  }

  private func isLeafType(_ value: Any) -> Bool {
    value is any Numeric || value is String || value is StaticString || value is Bool
      || value is TensorShape || value is DType
  }

  private func refuse(_ path: String, _ owner: String, _ what: String) -> Never {
    trapAtCaller(
      "\(owner).\(path) is \(what), whose contents have no fixed names: parameters in it would be lost. Use"
        + " properties or arrays, or implement `members` by hand")
  }
}

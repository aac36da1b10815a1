/// A trained value of a model: a cell that holds an immutable tensor and can be given another.
///
/// Ops compute with the value held at the moment they run, so a graph keeps the numbers it was
/// computed from, whatever an optimizer does later.
public final class Parameter: Tensor, @unchecked Sendable {
  private var content: Cell { cell! }

  /// A parameter that starts with a copy-free reference to `value`'s memory.
  ///
  /// - Precondition: a floating-point type.
  public init(
    _ value: Tensor, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    let value = value.resolved
    guard value.dtype.isFloatingPoint else {
      trap("a parameter is float32 or float64, not \(value.dtype)", file: file, line: line)
    }
    let label = Cell.Label()
    label.name = name
    let leaf = Node(
      leafOf: value.declaredSpec, label: label, site: CallSite(file: file, line: line))
    super.init(
      value.declaredSpec, memory: nil, cell: Cell(value, label: label, leaf: leaf))
  }

  /// The name used in messages and state files, such as `conv1.weight`; a model assigns it.
  public var name: String? {
    get { content.label.name }
    set { content.label.name = newValue }
  }

  /// The present value, outside the graph. Assigning replaces it.
  ///
  /// - Precondition: an assigned value has the parameter's shape and element type.
  public var value: Tensor {
    get { content.value(in: Scope.current.extras).detached() }
    set {
      let value = newValue.resolved
      guard value.declaredSpec == declaredSpec else {
        trapAtCaller(
          "the parameter \(name ?? "") is \(declaredSpec); it cannot become \(value.declaredSpec)")
      }
      content.replace(by: value)
    }
  }

  /// Whether the parameter counts as a constant: ops do not record it, it gets no gradient, and an optimizer
  /// leaves it and what it remembers about it untouched. Its value can still be assigned. Default false.
  ///
  /// What was recorded before a change is not affected by it.
  public var isFrozen: Bool {
    get { content.isFrozen }
    set { content.isFrozen = newValue }
  }

  /// Lets `body` change the elements where they lie: see ``Cell/update(_:)``. For optimizers.
  package func update(_ body: (UnsafeMutableRawPointer) -> Void) { content.update(body) }
}

/// A value that a model carries along but no optimizer touches, such as a running mean.
public final class Buffer: Tensor, @unchecked Sendable {
  private var content: Cell { cell! }

  public init(_ value: Tensor, name: String? = nil) {
    let value = value.resolved
    let label = Cell.Label()
    label.name = name
    super.init(
      value.declaredSpec, memory: nil, cell: Cell(value, label: label, leaf: nil))
  }

  /// The name used in messages and state files, such as `bn1.running_mean`.
  public var name: String? {
    get { content.label.name }
    set { content.label.name = newValue }
  }

  /// The present value. An assignment is ignored in a dry run. While a `checkpointed(_:)` body runs again, it is seen
  /// by that run alone: the buffer itself has been written already.
  ///
  /// - Precondition: an assigned value has the buffer's shape and element type.
  public var value: Tensor {
    get { content.value(in: Scope.current.extras) }
    set {
      if isDryRun { return }
      let value = newValue.resolved
      guard value.declaredSpec == declaredSpec else {
        trapAtCaller(
          "the buffer \(name ?? "") is \(declaredSpec); it cannot become \(value.declaredSpec)")
      }
      content.replace(by: value.detached())
    }
  }

  /// Whether layers are to leave the value as it is: batch normalisation with frozen statistics uses them in
  /// training too, and does not update them. Its value can still be assigned. Default false.
  public var isFrozen: Bool {
    get { content.isFrozen }
    set { content.isFrozen = newValue }
  }

  /// Lets `body` change the elements where they lie, as ``Parameter/update(_:)`` does.
  package func update(_ body: (UnsafeMutableRawPointer) -> Void) { content.update(body) }
}

/// Something that owns parameters: a model, or a script's list of them. Optimizers and gradient checks
/// work on this.
public protocol ParameterContainer {
  /// The parameters in a fixed order, each with its name.
  var namedParameters: [(name: String, parameter: Parameter)] { get }

  /// The buffers in a fixed order, each with its name. Default: none.
  var namedBuffers: [(name: String, buffer: Buffer)] { get }
}

extension ParameterContainer {
  public var namedBuffers: [(name: String, buffer: Buffer)] { [] }

  /// The parameters in order.
  public var parameters: [Parameter] { namedParameters.map(\.parameter) }
}

extension [Parameter]: ParameterContainer {
  /// Names are the parameters' own, or their place in the array.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    enumerated().map { ($1.name ?? String($0), $1) }
  }
}

/// The behaviour of an op node. Users write their own: a small type with its attributes as stored
/// properties, a shape rule, a forward and a backward.
///
/// ```swift
/// struct Cube: TensorOperation {
///   func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
///     [inputs[0].spec]
///   }
///   func forward(_ inputs: borrowing Tensors) -> Tensors {
///     [withoutGradients { inputs[0] * inputs[0] * inputs[0] }]
///   }
///   func backward(_ node: borrowing Differential) -> Tensors {
///     let x = node.input(0)
///     return [node.cotangent * x * x * 3]
///   }
/// }
/// ```
///
/// A tensor stored as an attribute must be detached: a tracked one would be an edge that the graph does
/// not know.
public protocol TensorOperation: Sendable {
  /// The name in messages, drawings and profiles. Default: the type's name, first letter lowercased.
  static var name: String { get }

  /// The name of this instance. Default: the type's ``name``.
  var displayName: String { get }

  /// What messages call the operands. Default: `input`, or `input 0`, `input 1`, ...
  static var inputNames: [String] { get }

  /// Which inputs and outputs ``backward(_:)`` and ``jvp(_:)`` may read. Default: all inputs.
  var keeps: Kept { get }

  /// The shape and type rule: what the results will be, or why these inputs do not fit.
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs

  /// The results, fresh tensors of the shapes and types that ``specs(for:)`` announced, which are handed over. Depends
  /// on attributes and inputs only. An op that is composed of other ops wraps them in ``withoutGradients(_:)``.
  /// Default: ``forward(_:)``. An op has one of the two.
  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors

  /// As ``forward(_:_:)``, for an op that finds the shapes of its results without the shape rule.
  func forward(_ inputs: borrowing Tensors) -> Tensors

  /// The vector-Jacobian product: for the cotangents of the results a gradient per input, made of ops, so that
  /// it can be differentiated again. `nil` where it is zero or `node.needs(i)` is false.
  func backward(_ node: borrowing Differential) -> Tensors

  /// The Jacobian-vector product: for the tangents of the inputs a tangent per result, made of ops. Default:
  /// the transpose of ``backward(_:)``.
  func jvp(_ node: borrowing Differential) -> Tensors

  /// Where these inputs stand with respect to points at which the op has no derivative. Default: `nil`,
  /// the op is smooth.
  func kink(at inputs: borrowing Tensors) -> Kink?

  /// Arithmetic and memory traffic of one call, for summaries and profiles. Default: one operation per
  /// result element, every input and output byte once.
  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost

  /// Attributes worth showing in drawings and summaries, such as `3x3, stride 2`. Default: empty.
  var label: String { get }
}

extension TensorOperation {
  public static var name: String {
    let type = String(describing: Self.self)
    return type.prefix(1).lowercased() + type.dropFirst()
  }
  public var displayName: String { Self.name }
  public static var inputNames: [String] { [] }
  public var keeps: Kept { .inputs }
  public var label: String { "" }
  public func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    forward(inputs)
  }
  public func forward(_ inputs: borrowing Tensors) -> Tensors {
    trapAtCaller("\(displayName): the op has neither forward(_:_:) nor forward(_:)")
  }
  public func kink(at inputs: borrowing Tensors) -> Kink? { nil }
  public func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    var cost = OperationCost(arithmetic: 0, bytes: 0)
    for index in 0..<inputs.count { cost.bytes += inputs[index].spec.byteCount }
    for index in 0..<outputs.count {
      cost.bytes += outputs[index].byteCount
      cost.arithmetic += outputs[index].shape.elementCount
    }
    return cost
  }
  public func jvp(_ node: borrowing Differential) -> Tensors { transposedJVP(of: self, node) }

  static func inputName(_ index: Int, of count: Int) -> String {
    if index < inputNames.count { return inputNames[index] }
    return count == 1 ? "input" : "input \(index)"
  }
}

/// Which values of a node outlive its forward because the backward reads them.
public struct Kept: Sendable {
  /// A bit per input; the last bit stands for every input from there on.
  let inputMask: UInt32
  let outputMask: UInt32

  /// Nothing: the backward needs shapes alone.
  public static let nothing = Kept(inputMask: 0, outputMask: 0)
  /// All inputs.
  public static let inputs = Kept(inputMask: .max, outputMask: 0)
  /// The inputs at these places.
  public static func inputs(_ indices: Int...) -> Kept {
    Kept(inputMask: mask(indices), outputMask: 0)
  }
  /// The results at these places.
  public static func outputs(_ indices: Int...) -> Kept {
    Kept(inputMask: 0, outputMask: mask(indices))
  }
  /// What either of the two keeps.
  public func and(_ other: Kept) -> Kept {
    Kept(inputMask: inputMask | other.inputMask, outputMask: outputMask | other.outputMask)
  }

  private static func mask(_ indices: [Int]) -> UInt32 {
    indices.reduce(0) { $0 | 1 << UInt32(min($1, 31)) }
  }
  @inline(__always) func keepsInput(_ index: Int) -> Bool {
    inputMask >> UInt32(min(index, 31)) & 1 != 0
  }
  @inline(__always) func keepsOutput(_ index: Int) -> Bool {
    outputMask >> UInt32(min(index, 31)) & 1 != 0
  }
}

/// Where an op's inputs stand with respect to the points without derivative.
public struct Kink: Sendable {
  /// How far the nearest element would have to move to reach such a point.
  public var distance: Double
  /// The row-major position of that element in the first input.
  public var index: Int
  /// A fingerprint of the side on which every element lies: it changes when one crosses over.
  public var side: UInt64

  public init(distance: Double, index: Int, side: UInt64) {
    self.distance = distance
    self.index = index
    self.side = side
  }
}

/// Arithmetic and memory traffic of one call of an op.
public struct OperationCost: Sendable, Equatable {
  /// Additions, multiplications and function values.
  public var arithmetic: Int
  /// Bytes read and written.
  public var bytes: Int
  /// Multiplications whose products are summed: those of convolutions and matrix products, by which nets are
  /// compared. Padding counts, a bias does not.
  public var multiplyAccumulates: Int

  public init(arithmetic: Int, bytes: Int, multiplyAccumulates: Int = 0) {
    self.arithmetic = arithmetic
    self.bytes = bytes
    self.multiplyAccumulates = multiplyAccumulates
  }
}

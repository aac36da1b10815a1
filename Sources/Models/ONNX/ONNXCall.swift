import TapestryFiles
import TapestryGraph

/// Something that a file may ask for but that is not supported here.
struct ONNXUnsupported: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// An operator of ONNX at work: what it was given, and how to read its attributes.
struct ONNXCall {
  let node: ONNX.Node
  /// The version of the operator set.
  let version: Int
  /// Absent ones are nil.
  let inputs: [Tensor?]
  /// Reads the tensors of attributes.
  let constants: [String: Tensor]
  /// The type that stands for `float`: float64 while a net is checked in it.
  let floatType: DType
  /// How many elements a result may have.
  let limit: Int
  /// Counts what is asked for in a dry run.
  let meter: CostMeter?
  /// The line that loaded the net, for messages.
  let file: StaticString
  let line: UInt

  /// The operand at `index`, which the operator needs.
  func input(_ index: Int) throws -> Tensor {
    guard let tensor = optional(index) else { throw Misuse("input \(index) is missing") }
    return tensor
  }

  /// The operand at `index`, or nil where it is left out.
  func optional(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }

  /// How many results somebody wants.
  var outputCount: Int { (node.outputs.lastIndex { !$0.isEmpty } ?? 0) + 1 }

  /// Whether somebody wants the result at `index`.
  func wants(_ index: Int) -> Bool { index < node.outputs.count && !node.outputs[index].isEmpty }

  // MARK: Attributes

  private func attribute(_ name: String) -> ONNX.Attribute.Value? {
    node.attributes.first { $0.name == name }?.value
  }

  private func wrongKind(_ name: String, _ needed: String) -> Misuse {
    Misuse("attribute \(quoted(name)) is not \(needed)")
  }

  func has(_ name: String) -> Bool { attribute(name) != nil }

  func integer(_ name: String, _ standard: Int = 0) throws -> Int {
    switch attribute(name) {
    case nil: return standard
    case .integer(let value): return value
    default: throw wrongKind(name, "a whole number")
    }
  }

  func flag(_ name: String, _ standard: Bool = false) throws -> Bool {
    try integer(name, standard ? 1 : 0) != 0
  }

  func number(_ name: String, _ standard: Double) throws -> Double {
    switch attribute(name) {
    case nil: return standard
    case .float(let value): return Double(value)
    default: throw wrongKind(name, "a number")
    }
  }

  func text(_ name: String, _ standard: String) throws -> String {
    switch attribute(name) {
    case nil: return standard
    case .text(let value): return value
    default: throw wrongKind(name, "a text")
    }
  }

  func integers(_ name: String) throws -> [Int]? {
    switch attribute(name) {
    case nil: return nil
    case .integers(let values): return values
    default: throw wrongKind(name, "a list of whole numbers")
    }
  }

  /// Whole numbers from 1 (or another least) to 2^16: sizes, steps and the like, which a file must not make absurd.
  func sizes(_ name: String, count: Int, _ standard: Int = 1, least: Int = 1) throws -> [Int] {
    guard let values = try integers(name) else { return [Int](repeating: standard, count: count) }
    guard values.count == count else {
      throw Misuse("attribute \(quoted(name)) has \(values.count) numbers, not \(count)")
    }
    guard values.allSatisfy({ $0 >= least && $0 <= 1 << 16 }) else {
      throw Misuse("attribute \(quoted(name)) is \(values), but must be from \(least) to 2^16")
    }
    return values
  }

  // MARK: Operands that have to be known

  /// The whole numbers in the operand at `index`, or nil where it is left out.
  func integers(of index: Int) throws -> [Int]? {
    guard let tensor = optional(index) else { return nil }
    guard !tensor.dtype.isFloatingPoint else {
      throw Misuse("input \(index) must hold whole numbers, but is \(tensor.dtype)")
    }
    guard !tensor.isPlaceholder else { throw unknown(index) }
    guard tensor.count <= 1 << 16 else {
      throw Misuse("input \(index) has \(tensor.count) numbers, more than any use of it needs")
    }
    return tensor.integers()
  }

  /// The one number in the operand at `index`, or nil where it is left out.
  func number(of index: Int) throws -> Double? {
    guard let tensor = optional(index) else { return nil }
    guard !tensor.isPlaceholder else { throw unknown(index) }
    guard tensor.count == 1 else {
      throw Misuse("input \(index) must be one number, but has shape \(tensor.shape)")
    }
    return tensor.item
  }

  private func unknown(_ index: Int) -> ONNXUnsupported {
    ONNXUnsupported(
      "input \(index) must be a constant, or made from shapes and whole-number inputs alone")
  }

  /// Whole numbers that are an operand since some version, and an attribute before.
  func integers(_ name: String, of index: Int, since: Int) throws -> [Int]? {
    try version >= since ? integers(of: index) : integers(name)
  }

  // MARK: Checks

  /// An axis counted from 0.
  func axis(_ axis: Int, rank: Int) throws -> Int {
    let positive = axis < 0 ? axis &+ rank : axis
    guard positive >= 0, positive < rank else {
      throw Misuse("axis \(axis) does not exist in a tensor with \(rank) axes")
    }
    return positive
  }

  func axes(_ axes: [Int], rank: Int) throws -> [Int] { try axes.map { try axis($0, rank: rank) } }

  /// The shape with these sizes, if a result may have it.
  func shape(_ sizes: [Int]) throws -> TensorShape {
    guard let shape = TensorShape(validating: sizes), isAcceptable(shape) else {
      throw Misuse("the result would have the shape \(sizes), which is too large")
    }
    return shape
  }

  /// Whether a result may have this shape.
  func isAcceptable(_ shape: TensorShape) -> Bool {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(size, 1))
      guard !overflow, product <= limit else { return false }
      count = product
    }
    return true
  }

  /// How many elements a result may have in a net with so many numbers in its inputs and initialisers: far more than
  /// any net needs, and no more than a machine has.
  static func limit(for count: Int) -> Int {
    Swift.min(
      Swift.max(1 << 24, Swift.min(count, 1 << 30) * 1024), 1 << 30,
      ResourceLimits.current.memory / 4)
  }

  /// Counts so many elements that an operator is about to compute by itself, also in a dry run.
  ///
  /// - Throws: `ResourceError` when all that was counted goes beyond the limit.
  func count(elements: Int) throws {
    meter?.add(operations: checkedProduct(elements, 64))
    if let meter {
      try ResourceLimits.current.requireArithmetic(meter.operations, for: "the graph")
    }
  }

  /// Counts the elements that windows of this size take in, one window for each element of `result`.
  func count(windows: [Int], of result: Tensor) {
    guard let meter, !result.isUnknown else { return }
    meter.add(operations: checkedProduct(of: windows + [result.count, 64]))
  }

  /// A tensor of one number throughout; without values in a dry run where it is large.
  func filled(_ shape: TensorShape, _ value: Double, _ dtype: DType) -> Tensor {
    isDryRun && shape.elementCount > 1 << 16
      ? .shape(shape, dtype: dtype) : .full(shape, value, dtype: dtype)
  }

  /// `tensor` in that element type.
  func converted(_ tensor: Tensor, to dtype: DType) -> Tensor {
    tensor.converted(to: dtype, file: file, line: line)
  }

  /// A number of the element type of `like`.
  func constant(_ value: Double, like: Tensor) -> Tensor { Tensor(value, dtype: like.dtype) }
}

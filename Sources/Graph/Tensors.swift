/// The operands, results or gradients of one op: up to three are stored without an allocation.
///
/// An element may be absent (`nil`): among gradients that means zero or not needed.
public struct Tensors: Sendable, ExpressibleByArrayLiteral {
  var list: ShortList<Tensor?>

  init(list: ShortList<Tensor?>) { self.list = list }

  public init(arrayLiteral elements: Tensor?...) { list = ShortList(elements) }
  public init(_ elements: [Tensor?]) { list = ShortList(elements) }
  public init() { list = ShortList() }
  public init(_ first: Tensor?) { list = ShortList(first) }
  public init(_ first: Tensor?, _ second: Tensor?) { list = ShortList(first, second) }
  public init(_ first: Tensor?, _ second: Tensor?, _ third: Tensor?) {
    list = ShortList(first, second, third)
  }

  /// How many there are, absent ones included.
  @inline(__always) public var count: Int { list.count }

  /// The element at `index`, which must be present.
  public subscript(index: Int) -> Tensor {
    if index < list.count, let tensor = list[index] { return tensor }
    // In a dry run an op after a failed one has no known number of results: any of them is the failed one.
    if list.count > 0, let first = list[0], first.isUnknown { return first }
    trap("there is no tensor at index \(index) of a list of \(list.count)")
  }

  /// The element at `index`, or `nil` where it is absent.
  public func at(_ index: Int) -> Tensor? { index < list.count ? list[index] : nil }

  /// The elements as an array.
  public var all: [Tensor] { (0..<count).compactMap { list[$0] } }

  public mutating func append(_ element: Tensor?) { list.append(element) }
}

/// The shapes and types that an op's shape rule answers with, one per result.
public struct Specs: Sendable, ExpressibleByArrayLiteral {
  var list: ShortList<TensorSpec>

  init(list: ShortList<TensorSpec>) { self.list = list }

  public init(arrayLiteral elements: TensorSpec...) { list = ShortList(elements) }
  public init(_ elements: [TensorSpec]) { list = ShortList(elements) }
  public init(_ only: TensorSpec) { list = ShortList(only) }
  public init(_ shape: TensorShape, _ dtype: DType) { list = ShortList(TensorSpec(shape, dtype)) }

  public var count: Int { list.count }
  public subscript(index: Int) -> TensorSpec { list[index] }
}

/// The operands, results or gradients of one op: up to three are stored without an allocation, for an array per
/// op would cost more than the rest of recording it.
///
/// An element may be absent (`nil`): among gradients that means zero or not needed.
public struct Tensors: Sendable, ExpressibleByArrayLiteral {
  var first: Tensor?
  var second: Tensor?
  var third: Tensor?
  private var rest: [Tensor?]?
  /// How many there are, absent ones included.
  public private(set) var count: Int

  public init() { count = 0 }

  public init(_ first: Tensor?) {
    self.first = first
    count = 1
  }

  public init(_ first: Tensor?, _ second: Tensor?) {
    self.first = first
    self.second = second
    count = 2
  }

  public init(_ first: Tensor?, _ second: Tensor?, _ third: Tensor?) {
    self.first = first
    self.second = second
    self.third = third
    count = 3
  }

  public init(_ elements: [Tensor?]) {
    count = 0
    for element in elements { append(element) }
  }

  public init(arrayLiteral elements: Tensor?...) { self.init(elements) }

  /// `count` absent elements.
  init(absent count: Int) {
    self.count = count
    if count > 3 { rest = [Tensor?](repeating: nil, count: count - 3) }
  }

  public mutating func append(_ element: Tensor?) {
    count += 1
    if count > 3 {
      if rest == nil { rest = [element] } else { rest!.append(element) }
    } else {
      self.slot(count - 1) { $0 = element }
    }
  }

  /// The element at `index`, which must be present.
  public subscript(index: Int) -> Tensor {
    if let tensor = at(index) { return tensor }
    // In a dry run an op after a failed one has no known number of results: any of them is the failed one.
    if let first, first.isUnknown { return first }
    trapAtCaller("there is no tensor at index \(index) of a list of \(count)")
  }

  /// The element at `index`, or `nil` where it is absent.
  public func at(_ index: Int) -> Tensor? {
    switch index {
    case 0: first
    case 1: second
    case 2: third
    default: index > 2 && index < count ? rest![index - 3] : nil
    }
  }

  /// Shape and type of the element at `index`, without counting a reference to it.
  public func spec(_ index: Int) -> TensorSpec {
    switch index {
    case 0: if let first, first.cell == nil { return first.declaredSpec }
    case 1: if let second, second.cell == nil { return second.declaredSpec }
    case 2: if let third, third.cell == nil { return third.declaredSpec }
    default: break
    }
    return self[index].spec
  }

  /// Lets `body` change the element at `index`, in place.
  @inline(__always)
  mutating func slot(_ index: Int, _ body: (inout Tensor?) -> Void) {
    switch index {
    case 0: body(&first)
    case 1: body(&second)
    case 2: body(&third)
    default: body(&rest![index - 3])
    }
  }

  /// The elements that are present, as an array.
  public var all: [Tensor] { (0..<count).compactMap { at($0) } }
}

/// The shapes and types that an op's shape rule answers with, one per result.
public struct Specs: Sendable, ExpressibleByArrayLiteral {
  private let first: TensorSpec
  private let rest: [TensorSpec]?
  public let count: Int

  public init(_ only: TensorSpec) {
    first = only
    rest = nil
    count = 1
  }

  public init(_ shape: TensorShape, _ dtype: DType) { self.init(TensorSpec(shape, dtype)) }

  /// - Precondition: not empty, for an op has a result.
  public init(_ specs: [TensorSpec], file: StaticString = #fileID, line: UInt = #line) {
    guard let first = specs.first else {
      trap("Specs: an op has at least one result, these are none", file: file, line: line)
    }
    self.first = first
    rest = specs.count > 1 ? Array(specs.dropFirst()) : nil
    count = specs.count
  }

  public init(arrayLiteral elements: TensorSpec...) { self.init(elements) }

  public subscript(index: Int) -> TensorSpec { index == 0 ? first : rest![index - 1] }
}

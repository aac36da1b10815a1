/// Swift values that a tensor can be made of and read as: numbers, and arrays of them, nested as deep as a tensor has
/// axes.
public protocol TensorValues: Sendable {
  /// The numbers at the bottom.
  associatedtype Scalar: TensorScalar

  /// How deep the arrays are nested; 0 for a number.
  static var depth: Int { get }

  /// Appends the numbers in row-major order, and checks that the sizes are those of `shape`, which the first value of
  /// each depth has set.
  ///
  /// - Parameter path: the places that led here, for messages.
  func collect(into scalars: inout [Scalar], _ shape: inout [Int], _ path: [Int]) throws(Misuse)

  /// The value that these numbers make in row-major order.
  static func make(_ scalars: ArraySlice<Scalar>, _ shape: ArraySlice<Int>) -> Self
}

extension TensorValues where Self: TensorScalar, Scalar == Self {
  public static var depth: Int { 0 }
  public func collect(
    into scalars: inout [Self], _ shape: inout [Int], _ path: [Int]
  ) throws(Misuse) {
    scalars.append(self)
  }
  public static func make(_ scalars: ArraySlice<Self>, _ shape: ArraySlice<Int>) -> Self {
    scalars[scalars.startIndex]
  }
}

extension Float: TensorValues { public typealias Scalar = Float }
extension Double: TensorValues { public typealias Scalar = Double }
extension Int: TensorValues { public typealias Scalar = Int }
extension Int32: TensorValues { public typealias Scalar = Int32 }
extension Int64: TensorValues { public typealias Scalar = Int64 }
extension Bool: TensorValues { public typealias Scalar = Bool }

extension Array: TensorValues where Element: TensorValues {
  public typealias Scalar = Element.Scalar
  public static var depth: Int { Element.depth + 1 }

  public func collect(
    into scalars: inout [Scalar], _ shape: inout [Int], _ path: [Int]
  ) throws(Misuse) {
    let axis = path.count
    if shape.count == axis { shape.append(count) }
    guard shape[axis] == count else {
      let place = path.map { "[\($0)]" }.joined()
      let first = path.map { _ in "[0]" }.joined()
      throw Misuse(
        "the arrays differ in length: \(place) has \(count) values, but \(first) has \(shape[axis])"
      )
    }
    // An array of numbers is copied as it is.
    if Element.depth == 0, let numbers = self as? [Scalar] {
      scalars += numbers
      return
    }
    for (index, element) in enumerated() {
      try element.collect(into: &scalars, &shape, path + [index])
    }
  }

  public static func make(_ scalars: ArraySlice<Scalar>, _ shape: ArraySlice<Int>) -> [Element] {
    if Element.depth == 0, let numbers = [Scalar](scalars) as? [Element] { return numbers }
    let inner = shape.dropFirst()
    let size = inner.reduce(1, *)
    return (0..<shape[shape.startIndex]).map { index in
      let start = scalars.startIndex + index * size
      return Element.make(scalars[start..<start + size], inner)
    }
  }
}

extension Tensor {
  /// A tensor of Swift values: a number, an array of numbers, or arrays of arrays, an axis for each level.
  ///
  /// `Float` and `Double` become `float32`, `Int` and `Int64` `int64`, `Int32` `int32`, `Bool` `bool`, unless `dtype`
  /// says otherwise. A list that is written out, such as `[1, 2, 3]`, is one of `Double`; the elements of a variable
  /// are what they are.
  ///
  /// - Precondition: the arrays of one level are equally long; at most six levels.
  @_disfavoredOverload
  public convenience init<Values: TensorValues>(
    _ values: Values, dtype: DType? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    var scalars: [Values.Scalar] = []
    var shape: [Int] = []
    do {
      try values.collect(into: &scalars, &shape, [])
    } catch {
      trap("Tensor: \(error)", file: file, line: line)
    }
    // Without elements the inner sizes are not known.
    while shape.count < Values.depth { shape.append(0) }
    guard let sizes = TensorShape(validating: shape) else {
      trap("Tensor: arrays of sizes \(shape) are no tensor", file: file, line: line)
    }
    let own: DType = Values.Scalar.dtype == .float64 ? .float32 : Values.Scalar.dtype
    self.init(copying: scalars, shape: sizes, dtype: dtype ?? own, file: file, line: line)
  }

  /// The elements as Swift values: `array(of: Float.self)` is all of them in row-major order, `array(of:
  /// [Float].self)` the rows of a matrix, and so on. Elements are converted.
  ///
  /// - Precondition: numbers, or arrays that are nested as the tensor has axes after the first.
  public final func array<Element: TensorValues>(
    of type: Element.Type, file: StaticString = #fileID, line: UInt = #line
  ) -> [Element] {
    guard Element.depth == 0 || rank == Element.depth + 1 else {
      trap(
        "array(of:): a tensor of shape \(shape) has \(rank) axes, but \([Element].self) has"
          + " \(Element.depth + 1)", file: file, line: line)
    }
    let scalars = scalars(as: Element.Scalar.self)
    return [Element].make(scalars[...], Element.depth == 0 ? [scalars.count] : Array(shape)[...])
  }
}

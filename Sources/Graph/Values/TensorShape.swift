/// The sizes of a tensor's axes, `[N, C, H, W]` for images; at most six axes, stored inline.
///
/// `[]` is the shape of a scalar: one element, no axes. A size may be 0: the tensor is then empty.
public struct TensorShape: Hashable, Sendable, RandomAccessCollection, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  /// The largest number of axes.
  public static let maximumRank = 6

  private var sizes: (Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0)
  private var axes: UInt8 = 0

  /// The shape of a scalar.
  public init() {}

  /// A shape with these sizes.
  ///
  /// - Precondition: at most six sizes, each in `0 ..< 2^31`, and fewer than 2^58 elements.
  public init(_ sizes: some Collection<Int>) {
    guard let shape = TensorShape(validating: sizes) else {
      trapAtCaller(
        "a tensor has at most 6 axes with sizes 0 ..< 2^31, and fewer than 2^58 elements;"
          + " this shape was \(Array(sizes))")
    }
    self = shape
  }

  /// A shape with these sizes, or `nil` where there are more than six, one is out of range, or the
  /// number of elements is.
  public init?(validating sizes: some Collection<Int>) {
    for size in sizes {
      guard appendIfPossible(size) else { return nil }
    }
  }

  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The number of axes.
  @inline(__always) public var rank: Int { Int(axes) }
  public var startIndex: Int { 0 }
  public var endIndex: Int { Int(axes) }

  /// The size of an axis, counted from 0.
  public subscript(axis: Int) -> Int {
    get {
      guard axis >= 0, axis < rank else {
        trapAtCaller("axis \(axis) of a shape with \(rank) axes, \(self)")
      }
      return Int(withUnsafeBytes(of: sizes) { $0.load(fromByteOffset: axis * 4, as: Int32.self) })
    }
    set {
      guard axis >= 0, axis < rank else {
        trapAtCaller("axis \(axis) of a shape with \(rank) axes, \(self)")
      }
      guard hasRoom(for: newValue, insteadOf: axis) else {
        trapAtCaller("\(newValue) cannot be size \(axis) of the shape \(self): \(Self.limits)")
      }
      store(newValue, at: axis)
    }
  }

  private mutating func store(_ size: Int, at axis: Int) {
    withUnsafeMutableBytes(of: &sizes) {
      $0.storeBytes(of: Int32(size), toByteOffset: axis * 4, as: Int32.self)
    }
  }

  /// What the sizes of every shape keep to, so that no number of elements or bytes overflows.
  package static let limits = "sizes are in 0 ..< 2^31, with fewer than 2^58 elements in all"

  /// Whether there may be an axis of this size besides the others, or in the place of one of them.
  private func hasRoom(for size: Int, insteadOf axis: Int? = nil) -> Bool {
    guard size >= 0, size <= Int(Int32.max) else { return false }
    var others = 1
    for index in 0..<rank where index != axis { others *= Swift.max(self[index], 1) }
    let product = others.multipliedFullWidth(by: Swift.max(size, 1))
    return product.high == 0 && product.low < 1 << 58
  }

  /// The number of elements: the product of the sizes, 1 for a scalar.
  public var elementCount: Int {
    var count = 1
    for axis in 0..<rank { count *= self[axis] }
    return count
  }

  /// Elements between neighbours along each axis of a dense row-major tensor.
  package var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * self[axis + 1]
    }
    return strides
  }

  /// Adds an axis at the end.
  ///
  /// - Precondition: fewer than six axes; the size is in `0 ..< 2^31`, and fewer than 2^58 elements
  ///   result.
  public mutating func append(_ size: Int) {
    guard appendIfPossible(size) else {
      trapAtCaller(
        "cannot append an axis of size \(size) to the shape \(self): at most 6 axes; \(Self.limits)"
      )
    }
  }

  /// Adds an axis at the end, unless there are six or the size is out of range: then says `false`.
  private mutating func appendIfPossible(_ size: Int) -> Bool {
    guard rank < Self.maximumRank, hasRoom(for: size) else { return false }
    axes += 1
    store(size, at: rank - 1)
    return true
  }

  public static func == (a: TensorShape, b: TensorShape) -> Bool {
    a.axes == b.axes && a.sizes.0 == b.sizes.0 && a.sizes.1 == b.sizes.1
      && a.sizes.2 == b.sizes.2 && a.sizes.3 == b.sizes.3 && a.sizes.4 == b.sizes.4
      && a.sizes.5 == b.sizes.5
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(axes)
    for size in self { hasher.combine(size) }
  }

  /// `[8, 3, 32, 32]`
  public var description: String { "[" + map(String.init).joined(separator: ", ") + "]" }

  /// The shape that `a` and `b` broadcast to (NumPy's rule: aligned at the last axis, an axis of size
  /// 1 or a missing one is repeated), or `nil` where two sizes differ and neither is 1, or where the
  /// result would have too many elements.
  public static func broadcast(_ a: TensorShape, _ b: TensorShape) -> TensorShape? {
    if a == b { return a }
    let rank = Swift.max(a.rank, b.rank)
    var result = TensorShape()
    for axis in 0..<rank {
      let sizeA = axis < rank - a.rank ? 1 : a[axis - (rank - a.rank)]
      let sizeB = axis < rank - b.rank ? 1 : b[axis - (rank - b.rank)]
      guard sizeA == sizeB || sizeA == 1 || sizeB == 1 else { return nil }
      guard result.appendIfPossible(sizeA == 1 ? sizeB : sizeA) else { return nil }
    }
    return result
  }
}

/// The shape and element type of a tensor.
public struct TensorSpec: Hashable, Sendable, CustomStringConvertible {
  public var shape: TensorShape
  public var dtype: DType

  public init(_ shape: TensorShape, _ dtype: DType) {
    self.shape = shape
    self.dtype = dtype
  }

  /// The bytes of a dense tensor of this kind.
  public var byteCount: Int { shape.elementCount * dtype.size }

  /// `[8, 3, 32, 32] float32`
  public var description: String { "\(shape) \(dtype)" }
}

import TapestryGraph
import Testing

/// A row of the table of ops: one way of calling one, at fixed inputs.
///
/// Every row is checked against central differences, forward mode against reverse mode, all kernel
/// variants against each other, and one thread against several.
public struct OpCase: Sendable, CustomTestStringConvertible {
  /// What a row is left out of, each with its reason in a comment at the row.
  public struct Checks: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// The gradient against central differences.
    public static let gradient = Checks(rawValue: 1)
    /// The gradient of the gradient likewise.
    public static let secondOrder = Checks(rawValue: 2)
    /// `jvp` against the transpose of the gradient.
    public static let forwardMode = Checks(rawValue: 4)
    /// The same values from every kernel variant, and the same bits on one thread and on several.
    public static let kernels = Checks(rawValue: 8)
    public static let all: Checks = [.gradient, .secondOrder, .forwardMode, .kernels]
    /// For ops whose result carries no gradient: comparisons, argmax.
    public static let valueOnly: Checks = [.kernels]
  }

  /// What distinguishes the row from others of the same op: `broadcast both ways`.
  public let name: String
  /// The op, by its name in the reference set where it has one.
  public let op: String
  public let checks: Checks
  /// The operands: float64 where differentiable. Every call makes the same values.
  public let inputs: @Sendable () -> [Tensor]
  /// Operands large enough to occupy several threads; `nil` to use `inputs` there too.
  public let largeInputs: (@Sendable () -> [Tensor])?
  public let function: @Sendable ([Tensor]) -> [Tensor]

  public init(
    _ op: String, _ name: String = "", checks: Checks = .all,
    inputs: @autoclosure @escaping @Sendable () -> [Tensor],
    large: (@Sendable () -> [Tensor])? = nil,
    _ function: @escaping @Sendable ([Tensor]) -> [Tensor]
  ) {
    self.op = op
    self.name = name
    self.checks = checks
    self.inputs = inputs
    largeInputs = large
    self.function = function
  }

  public var testDescription: String { name.isEmpty ? op : "\(op), \(name)" }
}

/// A call that breaks a shape or type rule, and what the message has to say.
public struct MisuseCase: Sendable, CustomTestStringConvertible {
  public let name: String
  /// Parts of the message, all of which must occur in it.
  public let expected: [String]
  /// The call; it runs inside `dryRun`, so its operands may be placeholders.
  public let body: @Sendable () -> Void

  public init(_ name: String, says expected: String..., body: @escaping @Sendable () -> Void) {
    self.name = name
    self.expected = expected
    self.body = body
  }

  public var testDescription: String { name }
}

/// Fixed float64 values for a row: normal numbers, a function of the shape and `seed` alone.
public func sample(_ shape: TensorShape, seed: UInt64 = 1, dtype: DType = .float64) -> Tensor {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
  func next() -> Double {
    // SplitMix64 (Steele, Lea, Flood 2014); the upper 53 bits are a number in [0, 1).
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }
  // The sum of twelve uniform numbers is normal enough, and needs no mathematics library.
  let values = (0..<shape.elementCount).map { _ in (0..<12).reduce(-6.0) { sum, _ in sum + next() }
  }
  return Tensor(values, shape: shape, dtype: dtype)
}

/// As ``sample(_:seed:dtype:)``, with all values at least 0.2.
public func positiveSample(_ shape: TensorShape, seed: UInt64 = 1, dtype: DType = .float64)
  -> Tensor
{
  Tensor(sample(shape, seed: seed).scalars().map { abs($0) + 0.2 }, shape: shape, dtype: dtype)
}

/// Fixed values that are pairwise at least 0.05 apart and at least 0.02 from 0: no ties, no kinks.
public func distinctSample(_ shape: TensorShape, seed: UInt64 = 1, dtype: DType = .float64)
  -> Tensor
{
  let keys = sample(shape, seed: seed).scalars()
  let order = keys.indices.sorted { keys[$0] < keys[$1] }
  var values = [Double](repeating: 0, count: keys.count)
  for (place, index) in order.enumerated() {
    values[index] = 0.05 * (Double(place) - Double(keys.count / 2)) + 0.021
  }
  return Tensor(values, shape: shape, dtype: dtype)
}

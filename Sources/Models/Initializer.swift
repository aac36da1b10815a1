import TapestryGraph

/// How a parameter gets its first values, drawn from the scope's random source.
///
/// Fans of a weight `[out, in, kH, kW]` (in per group): fan-in = in kH kW, fan-out = out kH kW.
public struct Initializer: Sendable {
  /// Which fan scales the spread.
  public enum Fan: Sendable { case input, output, average }
  /// The form of the distribution.
  public enum Distribution: Sendable { case normal, uniform, truncatedNormal }

  private let make: @Sendable (TensorShape, DType) -> Tensor

  /// An initialiser of your own.
  public init(_ make: @escaping @Sendable (TensorShape, DType) -> Tensor) { self.make = make }

  /// Fresh values of this shape and type; in a dry run a placeholder, and no random number is drawn.
  public func callAsFunction(_ shape: TensorShape, dtype: DType = .float32) -> Tensor {
    isDryRun ? .shape(shape, dtype: dtype) : make(shape, dtype)
  }

  /// All values equal.
  public static func constant(_ value: Double) -> Initializer {
    Initializer { .full($0, value, dtype: $1) }
  }
  public static let zeros = constant(0)
  public static let ones = constant(1)

  /// Uniform in `[-bound, bound)`.
  public static func uniform(bound: Double) -> Initializer {
    Initializer { .uniform($0, from: -bound, to: bound, dtype: $1) }
  }

  /// Normal with mean 0.
  public static func normal(deviation: Double) -> Initializer {
    Initializer { .normal($0, deviation: deviation, dtype: $1) }
  }

  /// Normal with mean 0, values beyond two deviations drawn again.
  public static func truncatedNormal(deviation: Double) -> Initializer {
    Initializer { shape, dtype in
      let source = RandomSource.current
      var values = Tensor.normal(shape, dtype: .float64, source: source).scalars()
      while true {
        let outside = values.indices.filter { abs(values[$0]) > 2 }
        if outside.isEmpty { break }
        let fresh = Tensor.normal([outside.count], dtype: .float64, source: source).scalars()
        for (index, value) in zip(outside, fresh) { values[index] = value }
      }
      return Tensor(values.map { $0 * deviation }, shape: shape, dtype: dtype)
    }
  }

  /// Variance 2 / fan: for layers followed by ReLU (He et al., "Delving deep into rectifiers", 2015).
  public static func he(_ distribution: Distribution = .normal, fan: Fan = .input) -> Initializer {
    scaled(2, fan, distribution)
  }

  /// Variance 1 / average fan: for symmetric activations (Glorot and Bengio, 2010).
  public static func glorot(_ distribution: Distribution = .uniform) -> Initializer {
    scaled(1, .average, distribution)
  }

  /// Variance 1 / fan-in (LeCun et al., "Efficient backprop", 1998).
  public static func leCun(_ distribution: Distribution = .normal) -> Initializer {
    scaled(1, .input, distribution)
  }

  /// Uniform within ±1 / √fan-in: what PyTorch's layers start with, weights and biases alike.
  public static let layerDefault = scaled(1.0 / 3, .input, .uniform)

  /// Variance `gain` / fan.
  public static func scaled(_ gain: Double, _ fan: Fan, _ distribution: Distribution) -> Initializer
  {
    Initializer { shape, dtype in
      let fans = fans(of: shape)
      let size =
        switch fan {
        case .input: fans.input
        case .output: fans.output
        case .average: (fans.input + fans.output) / 2
        }
      let deviation = (gain / max(size, 1)).squareRoot()
      return switch distribution {
      case .normal: Initializer.normal(deviation: deviation)(shape, dtype: dtype)
      case .truncatedNormal: Initializer.truncatedNormal(deviation: deviation)(shape, dtype: dtype)
      case .uniform: Initializer.uniform(bound: deviation * 3.0.squareRoot())(shape, dtype: dtype)
      }
    }
  }

  private static func fans(of shape: TensorShape) -> (input: Double, output: Double) {
    guard shape.rank >= 2 else { return (Double(shape.first ?? 1), Double(shape.first ?? 1)) }
    let taps = shape.dropFirst(2).reduce(1, *)
    return (Double(shape[1] * taps), Double(shape[0] * taps))
  }
}

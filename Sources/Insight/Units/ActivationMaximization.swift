import TapestryGraph
import TapestryModels
import TapestryOps

/// Finds an image that makes a unit answer strongly, by gradient ascent on the pixels.
///
/// Every step moves the image along the unit's gradient, scaled to a mean square of 1, so that `stepSize` means the same
/// for every layer; regularisers keep the picture from filling with noise that only this net reacts to.
/// D. Erhan et al., "Visualizing higher-layer features of a deep network", 2009; the regularisers: L2 (K. Simonyan et al.,
/// 2013), blur (J. Yosinski et al., "Understanding neural networks through deep visualization", 2015), total variation
/// (A. Mahendran and A. Vedaldi, "Understanding deep image representations by inverting them", 2015), jitter
/// (A. Mordvintsev et al., "Inceptionism", 2015).
public struct ActivationMaximization: Sendable {
  public var steps = 200
  /// How far a step moves a pixel, in the numbers that the net takes.
  public var stepSize = 0.1
  /// The share of every pixel that is taken away in each step.
  public var decay = 0.01
  /// The weight of Σ (differences of neighbouring pixels)² / 2, whose gradient is taken off in each step.
  public var totalVariation = 0.02
  /// The standard deviation of the blur, in pixels; 0 for none.
  public var blur = 0.5
  /// The steps from one blur to the next.
  public var blurInterval = 8
  /// How many pixels the image is shifted at random before each step, and back after it.
  public var jitter = 2
  /// The deviation of the noise to start from.
  public var noise = 0.1
  /// Chooses noise and shifts: the same seed gives the same picture.
  public var seed: UInt64 = 0
  /// The numbers that pixels are kept within; `nil` for any.
  public var range: ClosedRange<Double>?

  public init() {}

  /// An image and what led to it.
  public struct Result: Sendable {
    /// `[1, C, H, W]`, in the numbers that the net takes.
    public let image: Tensor
    /// The unit's answer before every step and at the end: `steps + 1` numbers.
    public let activations: [Double]
  }

  /// The image for a unit.
  ///
  /// - Parameters:
  ///   - unit: its channel's mean is maximised, or the one place that it names.
  ///   - model: runs in inference mode.
  ///   - shape: of the image, `[1, C, H, W]`.
  /// - Throws: ``InsightError`` when there is no such layer, channel or place.
  /// - Precondition: one image of positive size; steps and regularisers are not negative.
  public func image(
    for unit: NetUnit, in model: any Model, shape: TensorShape, dtype: DType = .float32,
    file: StaticString = #fileID, line: UInt = #line
  ) throws(InsightError) -> Result {
    guard shape.rank == 4, shape[0] == 1, shape.elementCount > 0, steps >= 0, decay >= 0,
      totalVariation >= 0, blur >= 0, blurInterval > 0, jitter >= 0, noise >= 0
    else {
      trap(
        "ActivationMaximization: an image is [1, C, H, W], not \(shape), and nothing is negative",
        file: file, line: line)
    }
    let source = RandomSource(seed: seed)
    var pixels = Plane(
      Tensor.normal(shape, deviation: noise, dtype: .float64, source: source).scalars(),
      channels: shape[1], height: shape[2], width: shape[3])
    var activations: [Double] = []
    for step in 0..<steps {
      let (down, right) = (
        source.integer(below: 2 * jitter + 1) - jitter,
        source.integer(below: 2 * jitter + 1) - jitter
      )
      let (value, gradient) = try ascent(
        pixels.shifted(down, right), unit, model, shape, dtype)
      activations.append(value)
      let back = Plane(like: pixels, gradient).shifted(-down, -right)
      let size = (back.values.reduce(0) { $0 + $1 * $1 } / Double(back.values.count)).squareRoot()
      let roughness = totalVariation > 0 ? pixels.roughness() : []
      for place in pixels.values.indices {
        var value = pixels.values[place]
        if size > 0 { value += stepSize * back.values[place] / size }
        value -= decay * pixels.values[place]
        if totalVariation > 0 { value -= totalVariation * roughness[place] }
        if let range { value = min(max(value, range.lowerBound), range.upperBound) }
        pixels.values[place] = value
      }
      if blur > 0, (step + 1) % blurInterval == 0, step + 1 < steps {
        pixels = pixels.blurred(deviation: blur)
      }
    }
    activations.append(try ascent(pixels, unit, model, shape, dtype).value)
    return Result(
      image: Tensor(pixels.values, shape: shape, dtype: dtype), activations: activations)
  }

  /// The unit's value and its gradient by the pixels.
  private func ascent(
    _ pixels: Plane, _ unit: NetUnit, _ model: any Model, _ shape: TensorShape, _ dtype: DType
  ) throws(InsightError) -> (value: Double, gradient: [Double]) {
    let run = ModelRun(
      model, Tensor(pixels.values, shape: shape, dtype: dtype), isRecording: true)
    let output = try run.value(of: unit.layer)
    let weights = try unit.weights(in: output.shape, output.dtype)
    let value = withoutGradients { (output.detached() * weights).sum() }.item
    let found = gradients(of: output, withRespectTo: [run.input], cotangent: weights)
    return (value, found[run.input]?.scalars() ?? Array(repeating: 0, count: pixels.values.count))
  }
}

/// The pixels of an image `[C, H, W]`.
struct Plane {
  var values: [Double]
  let channels: Int
  let height: Int
  let width: Int

  init(_ values: [Double], channels: Int, height: Int, width: Int) {
    self.values = values
    self.channels = channels
    self.height = height
    self.width = width
  }

  init(like other: Plane, _ values: [Double]) {
    self.init(values, channels: other.channels, height: other.height, width: other.width)
  }

  /// Moved by whole pixels; what leaves on one side enters on the other.
  func shifted(_ down: Int, _ right: Int) -> Plane {
    guard down != 0 || right != 0 else { return self }
    var result = values
    func wrapped(_ index: Int, _ size: Int) -> Int { (index % size + size) % size }
    for channel in 0..<channels {
      for row in 0..<height {
        let target = (channel * height + wrapped(row + down, height)) * width
        for column in 0..<width {
          result[target + wrapped(column + right, width)] =
            values[(channel * height + row) * width + column]
        }
      }
    }
    return Plane(like: self, result)
  }

  /// The gradient of Σ (differences of neighbours)² / 2.
  func roughness() -> [Double] {
    var result = [Double](repeating: 0, count: values.count)
    for channel in 0..<channels {
      for row in 0..<height {
        for column in 0..<width {
          let place = (channel * height + row) * width + column
          if column + 1 < width {
            let difference = values[place] - values[place + 1]
            result[place] += difference
            result[place + 1] -= difference
          }
          if row + 1 < height {
            let difference = values[place] - values[place + width]
            result[place] += difference
            result[place + width] -= difference
          }
        }
      }
    }
    return result
  }

  /// Convolved with a Gaussian; at the borders with the part of it that lies inside.
  func blurred(deviation: Double) -> Plane {
    let reach = max(Int((3 * deviation).rounded(.up)), 1)
    let weights = (-reach...reach).map { offset in
      exponential(-Double(offset * offset) / (2 * deviation * deviation))
    }
    var result = values
    for isDown in [false, true] {
      let before = result
      let (size, step) = isDown ? (height, width) : (width, 1)
      for place in before.indices {
        let index = isDown ? place / width % height : place % width
        var (sum, total) = (0.0, 0.0)
        for (tap, weight) in weights.enumerated() {
          let other = index + tap - reach
          guard other >= 0, other < size else { continue }
          sum += weight * before[place + (other - index) * step]
          total += weight
        }
        result[place] = sum / total
      }
    }
    return Plane(like: self, result)
  }
}

private func exponential(_ x: Double) -> Double {
  withoutGradients { exp(Tensor([x], dtype: .float64)) }.item
}

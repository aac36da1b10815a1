import TapestryGraph

/// The way from the bytes of a set to tensors: scaled, divided by the maximum value, normalised.
struct ImageConversion: Sendable {
  let set: ImageSet
  let scaling: ImageScaling
  let dtype: DType
  /// The number that each of the 256 pixel values becomes, `[channels, 256]`. Rounded once to `dtype`.
  private let levels: [Double]

  /// - Precondition: `dtype` is floating-point; the normalisation has one or `set.channels` means.
  init(
    _ set: ImageSet, height: Int?, width: Int?, normalization: Normalization?, dtype: DType,
    file: StaticString, line: UInt
  ) throws(ImageScalingError) {
    guard dtype.isFloatingPoint else {
      trap("images become float32 or float64, not \(dtype)", file: file, line: line)
    }
    let means = normalization?.mean.count ?? 1
    guard means == 1 || means == set.channels else {
      trap(
        "the normalization has \(means) means, but the images of \"\(set.name)\" have"
          + " \(set.channels) channels", file: file, line: line)
    }
    self.set = set
    self.dtype = dtype
    scaling = try ImageScaling(
      sourceHeight: set.height, sourceWidth: set.width, height: height ?? set.height,
      width: width ?? set.width)
    levels = (0..<set.channels).flatMap { channel in
      (0..<256).map { value in
        let level = Double(value) / Double(set.maximumValue)
        guard let normalization else { return level }
        let entry = means == 1 ? 0 : channel
        return (level - normalization.mean[entry]) / normalization.deviation[entry]
      }
    }
  }

  /// The images at these positions, which must exist, with their labels.
  func batch(_ positions: [Int]) -> Batch {
    let shape: TensorShape = [positions.count, set.channels, scaling.height, scaling.width]
    let images = Tensor(shape, dtype) { target in
      switch dtype {
      case .float64: write(positions, to: target, as: Double.self)
      default: write(positions, to: target, as: Float.self)
      }
    }
    let labels = Tensor(integers: positions.map { set.labels[$0] })
    return Batch(images: images, labels: labels, indices: positions)
  }

  /// Writes the images one after the other, each byte of the target once.
  private func write<Scalar: BinaryFloatingPoint & TensorScalar>(
    _ positions: [Int], to target: UnsafeMutableRawPointer, as type: Scalar.Type
  ) {
    let levels = levels.map { Scalar($0) }
    let canvas = scaling.height * scaling.width
    let plane = set.height * set.width
    var next = target.bindMemory(to: type, capacity: positions.count * set.channels * canvas)
    set.pixels.withUnsafeBufferPointer { pixels in
      levels.withUnsafeBufferPointer { levels in
        guard let pixels = pixels.baseAddress, let levels = levels.baseAddress else { return }
        for position in positions {
          for channel in 0..<set.channels {
            let source = pixels + (position * set.channels + channel) * plane
            scaling.write(source, to: next, levels: levels + 256 * channel)
            next += canvas
          }
        }
      }
    }
  }
}

extension ImageScaling {
  /// Writes one plane of bytes to its canvas, each byte as the number in `levels`.
  fileprivate func write<Scalar: BitwiseCopyable>(
    _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Scalar>,
    levels: UnsafePointer<Scalar>
  ) {
    let (factor, top, left) = (factor, top, left)
    let black = levels[0]
    let right = left + sourceWidth * factor
    target.update(repeating: black, count: top * width)
    for row in 0..<sourceHeight {
      let line = source + row * sourceWidth
      let first = target + (top + row * factor) * width
      for column in 0..<left { first[column] = black }
      if factor == 1 {
        for column in 0..<sourceWidth { first[left + column] = levels[Int(line[column])] }
      } else {
        for column in 0..<sourceWidth {
          let block = first + left + column * factor
          let level = levels[Int(line[column])]
          for repetition in 0..<factor { block[repetition] = level }
        }
      }
      for column in right..<width { first[column] = black }
      for repetition in stride(from: 1, to: factor, by: 1) {
        (first + repetition * width).update(from: first, count: width)
      }
    }
    let bottom = top + sourceHeight * factor
    (target + bottom * width).update(repeating: black, count: (height - bottom) * width)
  }
}

import TapestryFiles
import TapestryGraph

/// The way from the bytes of a set to tensors: scaled, divided by the maximum value, augmented, normalised.
struct ImageConversion: Sendable {
  let set: ImageSet
  let scaling: ImageScaling
  let dtype: DType
  let normalization: Normalization?
  var augmentation: Augmentation = []
  /// Chooses what augmentation does.
  var seed: UInt64 = 0
  /// The size after scaling and augmentation.
  var outputSize: ImageSize
  /// The number that each of the 256 pixel values becomes, `[channels, 256]`. Rounded once to `dtype`.
  private let levels: [Double]

  /// Images and labels, and why some are missing.
  struct Prepared: Sendable {
    let batch: Batch
    let failures: [FileError]
  }

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
    self.normalization = normalization
    scaling = try ImageScaling(
      sourceHeight: set.height, sourceWidth: set.width, height: height ?? set.height,
      width: width ?? set.width)
    outputSize = ImageSize(channels: set.channels, height: scaling.height, width: scaling.width)
    levels = (0..<set.channels).flatMap { channel in
      (0..<256).map { value in
        let level = Double(value) / Double(set.maximumValue)
        guard let normalization else { return level }
        let entry = means == 1 ? 0 : channel
        return (level - normalization.mean[entry]) / normalization.deviation[entry]
      }
    }
  }

  /// The images at these positions, which must exist, with their labels. Those that cannot be read are missing.
  func prepare(_ positions: [Int], epoch: Int = 0) -> Prepared {
    if case .memory(let pixels) = set.storage {
      let batch = pixels.withUnsafeBufferPointer { pixels in
        self.batch(positions, epoch) { index in
          (pixels.baseAddress ?? Self.nothing) + positions[index] * set.byteCount
        }
      }
      return Prepared(batch: batch, failures: [])
    }
    let (kept, bytes, failures) = decoded(positions)
    let batch = bytes.withUnsafeBufferPointer { pixels in
      self.batch(kept, epoch) { index in
        (pixels.baseAddress ?? Self.nothing) + index * set.byteCount
      }
    }
    return Prepared(batch: batch, failures: failures)
  }

  /// Where no image is, nothing is read.
  private static var nothing: UnsafePointer<UInt8> { UnsafePointer(bitPattern: 1)! }

  /// The bytes of the images that can be read, one after the other, and why the others cannot.
  private func decoded(
    _ positions: [Int]
  ) -> (kept: [Int], bytes: [UInt8], failures: [FileError]) {
    var kept: [Int] = []
    var failures: [FileError] = []
    var bytes: [UInt8] = []
    bytes.reserveCapacity(positions.count * set.byteCount)
    for position in positions {
      do throws(FileError) {
        bytes += try set.bytes(of: position)
        kept.append(position)
      } catch {
        failures.append(error)
      }
    }
    return (kept, bytes, failures)
  }

  /// The tensors of images whose bytes `source` finds.
  private func batch(
    _ positions: [Int], _ epoch: Int, source: (_ index: Int) -> UnsafePointer<UInt8>
  ) -> Batch {
    augmentation.isEmpty
      ? plain(positions, source: source) : augmented(positions, epoch, source: source)
  }

  /// The fast way: each byte of the tensor is written once.
  private func plain(
    _ positions: [Int], source: (_ index: Int) -> UnsafePointer<UInt8>
  ) -> Batch {
    let shape: TensorShape = [positions.count, set.channels, scaling.height, scaling.width]
    let images = Tensor(shape, dtype) { target in
      switch dtype {
      case .float64: write(positions.count, to: target, as: Double.self, source: source)
      default: write(positions.count, to: target, as: Float.self, source: source)
      }
    }
    let labels = Tensor(integers: positions.map { set.labels[$0] })
    return Batch(images: images, labels: labels, probabilities: nil, indices: positions)
  }

  /// Writes the images one after the other, each byte of the target once.
  private func write<Scalar: BinaryFloatingPoint & TensorScalar>(
    _ count: Int, to target: UnsafeMutableRawPointer, as type: Scalar.Type,
    source: (_ index: Int) -> UnsafePointer<UInt8>
  ) {
    let levels = levels.map { Scalar($0) }
    let canvas = scaling.height * scaling.width
    var next = target.bindMemory(to: type, capacity: count * set.channels * canvas)
    levels.withUnsafeBufferPointer { levels in
      guard let levels = levels.baseAddress else { return }
      let plane = set.height * set.width
      for index in 0..<count {
        let image = source(index)
        for channel in 0..<set.channels {
          scaling.write(image + channel * plane, to: next, levels: levels + 256 * channel)
          next += canvas
        }
      }
    }
  }
}

// MARK: - Augmentation

extension ImageConversion {
  /// Images changed by the steps of the augmentation, each by its own random numbers.
  ///
  /// One image after the other passes through the same two blocks of memory, and from there, normalised, to its place.
  private func augmented(
    _ positions: [Int], _ epoch: Int, source: (_ index: Int) -> UnsafePointer<UInt8>
  ) -> Batch {
    let count = outputSize.channels * outputSize.height * outputSize.width
    func write(to target: UnsafeMutablePointer<Float>) {
      let plain = (0..<256).map { Float(Double($0) / Double(set.maximumValue)) }
      var image = Planes(channels: set.channels, height: scaling.height, width: scaling.width)
      var spare: [Float] = []
      for (index, position) in positions.enumerated() {
        draw(source(index), on: &image, levels: plain)
        var random = SampleRandom(seed: seed, epoch: epoch, index: position)
        augmentation.apply(to: &image, spare: &spare, random: &random)
        normalize(image, into: target + index * count)
      }
    }
    let shape: TensorShape = [
      positions.count, outputSize.channels, outputSize.height, outputSize.width,
    ]
    var labels = positions.map { set.labels[$0] }
    guard augmentation.mixes || dtype != .float32, !positions.isEmpty else {
      let images = Tensor(shape, dtype) { target in
        write(to: target.bindMemory(to: Float.self, capacity: positions.count * count))
      }
      return Batch(
        images: images, labels: Tensor(integers: labels), probabilities: nil, indices: positions)
    }
    var values = [Float](unsafeUninitializedCapacity: positions.count * count) { buffer, filled in
      if let target = buffer.baseAddress { write(to: target) }
      filled = buffer.count
    }
    var probabilities: [Float]?
    if augmentation.mixes {
      let mixing = Mixing(
        steps: augmentation.steps.filter(\.mixes), size: outputSize, classCount: set.classCount,
        seed: seed, epoch: epoch)
      probabilities = mixing.mix(&values, labels: &labels, positions: positions)
    }
    return Batch(
      images: tensor(values, shape), labels: Tensor(integers: labels),
      probabilities: probabilities.map { tensor($0, [positions.count, set.classCount]) },
      indices: positions)
  }

  /// Puts the bytes of an image on its canvas, before any change.
  private func draw(
    _ bytes: UnsafePointer<UInt8>, on canvas: inout Planes, levels: [Float]
  ) {
    canvas.become(channels: set.channels, height: scaling.height, width: scaling.width)
    let plane = scaling.height * scaling.width
    canvas.values.withUnsafeMutableBufferPointer { target in
      levels.withUnsafeBufferPointer { levels in
        guard let target = target.baseAddress, let levels = levels.baseAddress else { return }
        for channel in 0..<set.channels {
          scaling.write(
            bytes + channel * set.height * set.width, to: target + channel * plane,
            levels: levels)
        }
      }
    }
  }

  /// Writes the numbers of an image, normalised, to its place in the batch.
  private func normalize(_ image: Planes, into target: UnsafeMutablePointer<Float>) {
    image.values.withUnsafeBufferPointer { values in
      guard let source = values.baseAddress else { return }
      guard let normalization else { return target.update(from: source, count: values.count) }
      let plane = outputSize.height * outputSize.width
      for channel in 0..<outputSize.channels {
        let entry = normalization.mean.count == 1 ? 0 : channel
        let mean = Float(normalization.mean[entry])
        let scale = Float(1 / normalization.deviation[entry])
        for i in channel * plane..<(channel + 1) * plane { target[i] = (source[i] - mean) * scale }
      }
    }
  }

  private func tensor(_ values: [Float], _ shape: TensorShape) -> Tensor {
    Tensor(shape, dtype) { target in
      switch dtype {
      case .float64:
        let target = target.bindMemory(to: Double.self, capacity: values.count)
        for i in values.indices { target[i] = Double(values[i]) }
      default:
        values.withUnsafeBytes { bytes in
          UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: bytes)
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

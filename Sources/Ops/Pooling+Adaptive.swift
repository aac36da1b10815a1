import CTapestryKernels
import TapestryGraph

// Pools that are told the size of their output. Bin i of n on an axis of size s covers floor(i s /
// n) up to but not including ceil((i + 1) s / n): bins may overlap, and n may exceed s.

/// The pixels of bin `index` of `count` on an axis of `size`.
private func bin(_ index: Int, of count: Int, _ size: Int) -> Range<Int> {
  (index * size / count)..<(((index + 1) * size + count - 1) / count)
}

private func adaptiveShape(_ x: TensorShape, _ size: Pair) throws(Misuse) -> TensorShape {
  guard x.rank == 4 else {
    throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(x.rank)")
  }
  guard size.height > 0, size.width > 0 else {
    throw Misuse("the output size is at least 1x1, not \(size)")
  }
  guard x[2] > 0, x[3] > 0 else { throw Misuse("the input has no pixels") }
  return try TensorShape(checked: x[0], x[1], size.height, size.width)
}

/// The window that has these bins, where all are of one size and do not overlap.
func uniformWindow(height: Int, width: Int, _ size: Pair) -> SlidingWindow? {
  guard height % size.height == 0, width % size.width == 0 else { return nil }
  let window = Pair(height: height / size.height, width: width / size.width)
  return SlidingWindow(size: window, stride: window)
}

/// The matrix [count, size] of which row i averages bin i.
func averagingMatrix(_ count: Int, _ size: Int, _ dtype: DType) -> Tensor {
  var values = [Double](repeating: 0, count: count * size)
  for index in 0..<count {
    let bin = bin(index, of: count, size)
    for place in bin { values[index * size + place] = 1 / Double(bin.count) }
  }
  return Tensor(values, shape: [count, size], dtype: dtype)
}

/// y = the mean of each bin.
struct AdaptiveAveragePool2d: TensorOperation {
  let size: Pair
  var keeps: Kept { .nothing }
  var label: String { "to \(size)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try adaptiveShape(inputs.spec(0).shape, size)
    try requireSameType(inputs)
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let (height, width) = (x.shape[2], x.shape[3])
    if let window = uniformWindow(height: height, width: width, size) {
      return AveragePool2d(window: window, divisor: .pixels).forward(inputs)
    }
    // The bins are a product of intervals: rows and columns are averaged by a matrix each.
    return withoutGradients {
      let rows =
        size.height == height ? x : matmul(averagingMatrix(size.height, height, x.dtype), x)
      if size.width == width { return Tensors(rows) }
      return Tensors(matmul(rows, averagingMatrix(size.width, width, x.dtype), transposingB: true))
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let input = node.inputSpec(0).shape
    return Tensors(
      apply(
        AdaptiveAveragePool2dGradient(size: Pair(height: input[2], width: input[3])),
        to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

extension AdaptiveAveragePool2d: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    bins(size, of: input)
  }
}

/// The transpose of ``AdaptiveAveragePool2d`` on images of a size.
struct AdaptiveAveragePool2dGradient: TensorOperation {
  let size: Pair
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(try adaptiveShape(inputs.spec(0).shape, size), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let g = inputs[0]
    let bins = Pair(height: g.shape[2], width: g.shape[3])
    if let window = uniformWindow(height: size.height, width: size.width, bins) {
      return LinearPoolGradient(window: window, divisor: .pixels, size: size)
        .forward(inputs)
    }
    return withoutGradients {
      let rows =
        bins.height == size.height
        ? g
        : matmul(averagingMatrix(bins.height, size.height, g.dtype), g, transposingA: true)
      if bins.width == size.width { return Tensors(rows) }
      return Tensors(matmul(rows, averagingMatrix(bins.width, size.width, g.dtype)))
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let bins = node.inputSpec(0).shape
    return Tensors(
      apply(
        AdaptiveAveragePool2d(size: Pair(height: bins[2], width: bins[3])),
        to: Tensors(node.cotangent))[0])
  }
}

/// y = the largest pixel of each bin, and where it lies.
struct AdaptiveMaxPool2d: TensorOperation {
  private static let kept = Kept.outputs(1)
  let size: Pair
  let isIndexed: Bool
  var keeps: Kept { isIndexed ? Self.kept : .nothing }
  var label: String { "to \(size)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try adaptiveShape(inputs.spec(0).shape, size)
    try requireSameType(inputs)
    if isIndexed { try requirePlaces(inputs.spec(0).shape) }
    return maxSpecs(shape, inputs.spec(0).dtype, isIndexed: isIndexed)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    if let window = uniformWindow(height: x.shape[2], width: x.shape[3], size) {
      return MaxPool2d(window: window, winners: isIndexed ? .places : .forgotten).forward(inputs)
    }
    let shape = TensorShape(x.shape[0], x.shape[1], size.height, size.width)
    return maxOutputs(x, shape, isIndexed: isIndexed) { source, y, indices in
      switch inputs.spec(0).dtype {
      case .float32: pool(Float.self, x.shape, source, y, indices)
      default: pool(Double.self, x.shape, source, y, indices)
      }
    }
  }

  private func pool<Scalar: BinaryFloatingPoint>(
    _ type: Scalar.Type, _ shape: TensorShape, _ source: UnsafeRawPointer,
    _ target: UnsafeMutableRawPointer, _ indices: UnsafeMutablePointer<Int32>?
  ) {
    let (height, width) = (shape[2], shape[3])
    let x = source.assumingMemoryBound(to: Scalar.self)
    let y = target.assumingMemoryBound(to: Scalar.self)
    var output = 0
    for plane in 0..<(shape[0] * shape[1]) {
      let image = x + plane * height * width
      for row in 0..<size.height {
        let rows = bin(row, of: size.height, height)
        for column in 0..<size.width {
          let columns = bin(column, of: size.width, width)
          var winner = rows.lowerBound * width + columns.lowerBound
          for i in rows {
            for j in columns {
              let value = image[i * width + j]
              if value > image[winner] || (value.isNaN && !image[winner].isNaN) {
                winner = i * width + j
              }
            }
          }
          y[output] = image[winner]
          indices?[output] = Int32(winner)
          output += 1
        }
      }
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(scatterToWinners(node)) }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    let (size, height, width) = (size, inputs.spec(0).shape[2], inputs.spec(0).shape[3])
    return maxPoolKink(inputs[0], outputs: size.height * size.width) { output, visit in
      for i in bin(output / size.width, of: size.height, height) {
        for j in bin(output % size.width, of: size.width, width) { visit(i * width + j) }
      }
    }
  }
}

extension AdaptiveMaxPool2d: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    bins(size, of: input)
  }
}

/// The means of `outputSize` bins that cover each channel evenly, whatever its size.
///
/// Bin i of n on an axis of size s covers floor(i s / n) up to but not including ceil((i + 1) s /
/// n): bins may overlap, and n may exceed s.
///
/// - Parameters:
///   - input: images `[N, C, H, W]`.
///   - outputSize: one number or `[height, width]`.
/// - Returns: `[N, C, height, width]`.
/// - Precondition: four axes, pixels, and at least one bin each way.
public func adaptiveAveragePool2d(
  _ input: Tensor, outputSize: Pair, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(AdaptiveAveragePool2d(size: outputSize), to: Tensors(input), file: file, line: line)[0]
}

/// The maxima of `outputSize` bins that cover each channel evenly; bins as in
/// `adaptiveAveragePool2d`, ties as in `maxPool2d`.
///
/// - Precondition: four axes, pixels, and at least one bin each way.
public func adaptiveMaxPool2d(
  _ input: Tensor, outputSize: Pair, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operation = AdaptiveMaxPool2d(size: outputSize, isIndexed: isRecording && input.isTracked)
  return apply(operation, to: Tensors(input), file: file, line: line)[0]
}

/// As `adaptiveMaxPool2d`, with the places of the winners as int32, numbered as by
/// `maxPool2dWithIndices`.
public func adaptiveMaxPool2dWithIndices(
  _ input: Tensor, outputSize: Pair, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  let operation = AdaptiveMaxPool2d(size: outputSize, isIndexed: true)
  let outputs = apply(operation, to: Tensors(input), file: file, line: line)
  return (outputs[0], outputs[1])
}

/// The mean of each channel: `[N, C, H, W]` to `[N, C, 1, 1]`.
///
/// Lin, Chen, Yan, "Network in network", 2013.
///
/// - Precondition: four axes, and pixels.
public func globalAveragePool(
  _ input: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  adaptiveAveragePool2d(input, outputSize: 1, file: file, line: line)
}

/// Bins that are windows of one size.
private func bins(_ size: Pair, of input: TensorShape) -> SpatialReading {
  guard input.rank == 4, let window = uniformWindow(height: input[2], width: input[3], size)
  else { return .anyPlace }
  return .reading(window, input)
}

import TapestryGraph

/// y = the largest pixel of each bin of each region, and where it lies: its position in the whole
/// input, -1 where a bin is empty.
struct RegionMaxPool: TensorOperation {
  static var name: String { "roiPool" }
  static var inputNames: [String] { ["input", "regions"] }
  private static let kept = Kept.outputs(1)
  let size: Pair
  let spatialScale: Double
  /// Where the user called it: for words about values, which a shape rule does not see.
  let site: CallSite
  var keeps: Kept { Self.kept }
  var label: String { "to \(size)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, regions) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard x.rank == 4 else {
      throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(x.rank)")
    }
    guard regions.rank == 2, regions[1] == 5 else {
      throw Misuse(
        "the regions are rows of image, x1, y1, x2, y2: shape [count, 5], not \(regions)")
    }
    guard size.height > 0, size.width > 0 else {
      throw Misuse("the output size is at least 1x1, not \(size)")
    }
    try requireSameType(inputs)
    let shape = try TensorShape(checked: regions[0], x[1], size.height, size.width)
    return [TensorSpec(shape, inputs.spec(0).dtype), TensorSpec(shape, .int64)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (values, places) = pool(inputs[0], inputs[1], visit: { _, _, _ in })
    let shape = TensorShape(
      inputs.spec(1).shape[0], inputs.spec(0).shape[1], size.height, size.width)
    return Tensors(
      Tensor(values, shape: shape, dtype: inputs.spec(0).dtype),
      Tensor(integers: places, shape: shape))
  }

  /// The maxima and their places; `visit` is told each winner, and the distance of its runner-up.
  private func pool(
    _ x: Tensor, _ regions: Tensor, visit: (_ output: Int, _ winner: Int, _ gap: Double) -> Void
  ) -> (values: [Double], places: [Int]) {
    let (pixels, rows) = (x.scalars(), regions.scalars())
    let (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3])
    var values: [Double] = []
    var places: [Int] = []
    for region in 0..<regions.shape[0] {
      let index = rows[region * 5]
      guard index > -1, index < Double(x.shape[0]) else {
        trap(
          "roiPool: region \(region) lies in image \(index) of a batch of \(x.shape[0])",
          file: site.file, line: site.line)
      }
      let image = Int(index)
      let scaled = (1...4).map { rows[region * 5 + $0] * spatialScale }
      guard !scaled.contains(where: \.isNaN) else {
        let corners = rows[region * 5 + 1..<region * 5 + 5]
        trap(
          "roiPool: region \(region) has a corner that is no number: \(corners) times \(spatialScale)",
          file: site.file, line: site.line)
      }
      let corners = scaled.map(nearest)
      for channel in 0..<channels {
        let plane = (image * channels + channel) * height * width
        for i in 0..<size.height {
          let rows = bin(i, of: size.height, corners[1], corners[3], limit: height)
          for j in 0..<size.width {
            let columns = bin(j, of: size.width, corners[0], corners[2], limit: width)
            var winner = -1
            var runnerUp = -Double.infinity
            for row in rows {
              for column in columns {
                let place = plane + row * width + column
                if winner < 0 || pixels[place] > pixels[winner]
                  || (pixels[place].isNaN && !pixels[winner].isNaN)
                {
                  if winner >= 0 { runnerUp = pixels[winner] }
                  winner = place
                } else {
                  runnerUp = max(runnerUp, pixels[place])
                }
              }
            }
            let value = winner < 0 ? 0 : pixels[winner]
            visit(places.count, winner, value - runnerUp)
            values.append(value)
            places.append(winner)
          }
        }
      }
    }
    return (values, places)
  }

  /// Row i of n takes from start + floor(i · length / n) up to but not including start + ceil((i +
  /// 1) length / n), cut to the image.
  private func bin(_ index: Int, of count: Int, _ start: Int, _ end: Int, limit: Int) -> Range<Int>
  {
    let length = max(end - start + 1, 1)
    let low = min(max(start + index * length / count, 0), limit)
    let high = min(max(start + ((index + 1) * length + count - 1) / count, 0), limit)
    return low..<max(low, high)
  }

  /// The nearest whole number, halves away from zero; far coordinates lie outside any image alike.
  private func nearest(_ value: Double) -> Int {
    let limited = min(max(value, -1e9), 1e9)
    return limited < 0 ? -Int(0.5 - limited) : Int(limited + 0.5)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    guard let g = node.cotangent(0) else { return Tensors(nil, nil) }
    return Tensors(
      apply(FlatScatter(shape: node.inputSpec(0).shape), to: Tensors(g, node.output(1)))[0], nil)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    var finder = KinkFinder()
    _ = pool(inputs[0], inputs[1]) { _, winner, gap in
      if winner >= 0 { finder.note(index: winner, distance: gap / 2, side: winner) }
    }
    return finder.result
  }
}

/// y = 0, then y[places[k]] += x[k] where the place is not negative; positions are row-major.
struct FlatScatter: TensorOperation {
  static var inputNames: [String] { ["input", "places"] }
  private static let kept = Kept.inputs(1)
  let shape: TensorShape
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameShape(inputs)
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    var values = [Double](repeating: 0, count: shape.elementCount)
    for (value, place) in zip(inputs[0].scalars(), inputs[1].integers()) where place >= 0 {
      values[place] += value
    }
    return Tensors(Tensor(values, shape: shape, dtype: inputs.spec(0).dtype))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(FlatGather(), to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }
}

/// y[k] = x[places[k]], and 0 where the place is negative.
struct FlatGather: TensorOperation {
  static var inputNames: [String] { ["input", "places"] }
  private static let kept = Kept.inputs(1)
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(inputs.spec(1).shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let values = inputs[0].scalars()
    return Tensors(
      Tensor(
        inputs[1].integers().map { $0 < 0 ? 0 : values[$0] }, shape: inputs.spec(1).shape,
        dtype: inputs.spec(0).dtype))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(
        FlatScatter(shape: node.inputSpec(0).shape), to: Tensors(node.cotangent, node.input(1)))[0],
      nil)
  }
}

/// The maxima of bins that cover each region evenly: a fixed number of features for boxes of any
/// size.
///
/// Corners are multiplied by `spatialScale` and rounded to whole pixels; both corners belong to the
/// region, so its height is max(y2 - y1 + 1, 1). Output row i of n takes rows y1 + floor(i · height
/// / n) up to but not including y1 + ceil((i + 1) height / n), cut to the image; columns likewise.
/// Where nothing is left y is 0, without gradient.
///
/// - Parameters:
///   - x: feature maps `[N, C, H, W]`.
///   - regions: rows of image index, x1, y1, x2, y2: `[count, 5]`, in pixels of the image;
///     constants. Corners may lie outside of it, at infinity too.
///   - outputSize: one number or `[height, width]`.
///   - spatialScale: feature-map pixels per image pixel. Default: 1.
/// - Returns: `[count, C, height, width]`.
/// - Precondition: shapes as above, each image index in the batch, and no corner NaN. Computed on
///   the host, one thread.
///
/// Girshick, "Fast R-CNN", 2015.
public func roiPool(
  _ x: Tensor, regions: Tensor, outputSize: Pair, spatialScale: Double = 1,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(
    RegionMaxPool(
      size: outputSize, spatialScale: spatialScale, site: CallSite(file: file, line: line)),
    to: Tensors(x, regions.detached()),
    file: file, line: line)[0]
}

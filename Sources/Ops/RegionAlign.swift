import CTapestryKernels
import TapestryGraph

/// Where the points of a region lie: the attributes that the op and its transpose share.
struct RegionGrid: Sendable {
  let size: Pair
  let spatialScale: Double
  let samplingRatio: Int
  let isAligned: Bool
  let isPositionSensitive: Bool

  var label: String { "to \(size)" }

  fileprivate var kernelGrid: tapestry_region_grid {
    tapestry_region_grid(
      rows: Int64(size.height), columns: Int64(size.width),
      sampling: Int64(max(samplingRatio, 0)), scale: spatialScale, shift: isAligned ? -0.5 : 0,
      least: isAligned ? 0 : 1, is_position_sensitive: isPositionSensitive ? 1 : 0)
  }

  /// The shape of the result for maps and regions of these shapes.
  fileprivate func outputShape(_ x: TensorShape, _ regions: TensorShape) throws(Misuse)
    -> TensorShape
  {
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
    guard isPositionSensitive else {
      return TensorShape(regions[0], x[1], size.height, size.width)
    }
    let (bins, overflow) = size.height.multipliedReportingOverflow(by: size.width)
    guard !overflow, x[1] % bins == 0 else {
      throw Misuse("\(x[1]) channels cannot be shared out to \(size) bins")
    }
    return TensorShape(regions[0], x[1] / bins, size.height, size.width)
  }
}

/// y = the mean of interpolated points of each bin of each region; linear in the maps.
struct RegionAlign: TensorOperation {
  private static let kept = Kept.inputs(1)
  static var inputNames: [String] { ["input", "regions"] }
  let grid: RegionGrid
  var displayName: String { grid.isPositionSensitive ? "positionSensitiveRoiAlign" : "roiAlign" }
  var keeps: Kept { Self.kept }
  var label: String { grid.label }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = try grid.outputShape(inputs.spec(0).shape, inputs.spec(1).shape)
    try requireSameType(inputs)
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, regions) = (inputs[0], inputs[1])
    let shape = TensorShape(
      regions.shape[0],
      grid.isPositionSensitive ? x.shape[1] / (grid.size.height * grid.size.width) : x.shape[1],
      grid.size.height, grid.size.width)
    var kernelGrid = grid.kernelGrid
    return Tensors(
      Tensor(shape, x.dtype) { y in
        x.withMemory { memory in
          tapestry_align_regions(
            x.dtype.code, &kernelGrid, Int64(x.shape[0]), Int64(x.shape[1]), Int64(x.shape[2]),
            Int64(x.shape[3]), Int64(regions.shape[0]), regions.scalars(), memory, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let spread = RegionAlignTransposed(grid: grid, shape: node.inputSpec(0).shape)
    return Tensors(apply(spread, to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0, node.input(1)))[0] })
  }
}

/// The transpose of `RegionAlign`: each number goes back to the pixels that it is a mean of.
struct RegionAlignTransposed: TensorOperation {
  private static let kept = Kept.inputs(1)
  static var inputNames: [String] { ["gradient", "regions"] }
  let grid: RegionGrid
  let shape: TensorShape
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let expected = try grid.outputShape(shape, inputs.spec(1).shape)
    guard inputs.spec(0).shape == expected else {
      throw Misuse("the gradient has shape \(inputs.spec(0).shape), but the result \(expected)")
    }
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, regions) = (inputs[0], inputs[1])
    var kernelGrid = grid.kernelGrid
    return Tensors(
      Tensor(shape, g.dtype) { gx in
        g.withMemory { memory in
          tapestry_align_regions_transposed(
            g.dtype.code, &kernelGrid, Int64(shape[0]), Int64(shape[1]), Int64(shape[2]),
            Int64(shape[3]), Int64(regions.shape[0]), regions.scalars(), memory, gx)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(RegionAlign(grid: grid), to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }
}

/// Features of regions without rounding: each region is divided evenly into bins, and a bin's value is the mean of
/// `samplingRatio` x `samplingRatio` points, each interpolated bilinearly between pixels.
///
/// Corners are multiplied by `spatialScale`; pixel centres lie at whole numbers, with `aligned` at halves. Without `aligned` a
/// region is at least one pixel high and wide. A point counts 0 if it lies more than one pixel outside the map, else it is
/// moved to the border. A region with a corner that is not finite gives 0.
///
/// - Parameters:
///   - x: feature maps `[N, C, H, W]`.
///   - regions: rows of image index, x1, y1, x2, y2: `[count, 5]`, in pixels of the image; constants.
///   - outputSize: bins, one number or `[height, width]`.
///   - spatialScale: feature-map pixels per image pixel. Default: 1.
///   - samplingRatio: points per bin and axis; 0 for as many as a bin has pixels, rounded up. Default: 0.
///   - aligned: whether pixel centres lie at halves. Default: `false`, as in the first published code.
/// - Returns: `[count, C, height, width]`.
/// - Precondition: shapes as above, one floating-point type, and each image index in the batch.
///
/// He et al., "Mask R-CNN", 2017, section 3.
public func roiAlign(
  _ x: Tensor, regions: Tensor, outputSize: Pair, spatialScale: Double = 1, samplingRatio: Int = 0,
  aligned: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let grid = RegionGrid(
    size: outputSize, spatialScale: spatialScale, samplingRatio: samplingRatio,
    isAligned: aligned, isPositionSensitive: false)
  return pooledRegions(x, regions, RegionAlign(grid: grid), file: file, line: line)
}

/// As ``roiAlign(_:regions:outputSize:spatialScale:samplingRatio:aligned:file:line:)`` with `aligned`, but every bin reads a channel
/// of its own: bin (i, j) of output channel c reads channel (c · height + i) · width + j.
///
/// - Parameters:
///   - x: feature maps `[N, C · height · width, H, W]`.
///   - regions: rows of image index, x1, y1, x2, y2: `[count, 5]`, in pixels of the image; constants.
///   - outputSize: bins, one number or `[height, width]`.
///   - spatialScale: feature-map pixels per image pixel. Default: 1.
///   - samplingRatio: points per bin and axis; 0 for as many as a bin has pixels, rounded up. Default: 0.
/// - Returns: `[count, C, height, width]`.
/// - Precondition: shapes as above, one floating-point type, and each image index in the batch.
///
/// Dai et al., "R-FCN", 2016; with points as in Li et al., "Light-Head R-CNN", 2017.
public func positionSensitiveRoiAlign(
  _ x: Tensor, regions: Tensor, outputSize: Pair, spatialScale: Double = 1, samplingRatio: Int = 0,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let grid = RegionGrid(
    size: outputSize, spatialScale: spatialScale, samplingRatio: samplingRatio,
    isAligned: true, isPositionSensitive: true)
  return pooledRegions(x, regions, RegionAlign(grid: grid), file: file, line: line)
}

private func pooledRegions(
  _ x: Tensor, _ regions: Tensor, _ operation: RegionAlign, file: StaticString, line: UInt
) -> Tensor {
  if !regions.isPlaceholder, !x.isPlaceholder, regions.rank == 2, regions.shape[1] == 5, x.rank == 4
  {
    let rows = regions.scalars()
    for region in 0..<regions.shape[0] {
      let image = rows[region * 5]
      guard image >= 0, image < Double(x.shape[0]), image.rounded() == image else {
        trap(
          "\(operation.displayName): region \(region) lies in image \(image) of a batch of \(x.shape[0])",
          file: file, line: line)
      }
    }
  }
  return apply(operation, to: Tensors(x, regions.detached()), file: file, line: line)[0]
}

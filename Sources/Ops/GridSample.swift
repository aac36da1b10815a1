import TapestryGraph

/// What lies outside an image that is sampled at places of a grid.
public enum GridPadding: String, Sendable, CaseIterable {
  /// Zeros, also next to the border.
  case zeros
  /// The pixel of the border that is nearest.
  case border
  /// The image mirrored at its border again and again.
  case reflection
}

/// Where points of one axis lie in pixels, and what part the next pixel has.
private struct AxisPoints {
  let count: Int
  /// Places in pixels, `[N, 1, points]`.
  let place: Tensor

  init(_ coordinate: Tensor, count: Int, padding: GridPadding, alignCorners: Bool) {
    self.count = count
    let extent = Double(count)
    let place =
      alignCorners
      ? (coordinate + 1) * ((extent - 1) / 2) : ((coordinate + 1) * extent - 1) * 0.5
    switch padding {
    case .zeros: self.place = place
    case .border: self.place = clip(place, min: 0, max: extent - 1)
    case .reflection:
      let (low, span) = alignCorners ? (0, extent - 1) : (-0.5, extent)
      self.place =
        span == 0
        ? place * 0
        : clip(AxisPoints.mirrored(place - low, span) + low, min: 0, max: extent - 1)
    }
  }

  /// Mirrored at 0 and `span` until it lies between them.
  private static func mirrored(_ distance: Tensor, _ span: Double) -> Tensor {
    let size = abs(distance)
    let flips = floor(size.detached() / span)
    let rest = size - flips * span
    let isOdd = (flips - floor(flips * 0.5) * 2) .> 0.5
    return select(where: isOdd, span - rest, else: rest)
  }

  /// The pixels `base + step`, cut to the image, and 1 where they are inside, else 0.
  func pixels(_ base: Tensor, _ step: Double) -> (index: Tensor, isInside: Tensor) {
    let pixel = base + step
    let inside = clip(pixel, min: 0, max: Double(count - 1))
    let one = Tensor(1, dtype: pixel.dtype)
    let zero = Tensor(0, dtype: pixel.dtype)
    // A place that is no number is inside nothing; its index must exist all the same.
    let index = select(where: inside .== inside, inside, else: zero)
    return (index.converted(to: .int64), select(where: pixel .== inside, one, else: zero))
  }
}

/// Images or volumes read at the places of a grid.
///
/// A coordinate of -1 ... 1 goes across the image: with `alignCorners` from the centre of the first pixel to that of the last,
/// place (g + 1) / 2 · (n - 1), else from edge to edge, place ((g + 1) n - 1) / 2. `.linear` interpolates between the pixels
/// around a place, `.nearest` takes the nearest one, halves to even.
///
/// - Parameters:
///   - x: `[N, C, H, W]` or `[N, C, D, H, W]`.
///   - grid: `[N, h, w, 2]` or `[N, d, h, w, 3]`; the last axis is (x, y) or (x, y, z), x going along the width.
///   - method: `.linear` or `.nearest`. Default: `.linear`.
///   - padding: what lies outside. Default: `.zeros`.
///   - alignCorners: which places -1 and 1 are. Default: `false`.
/// - Returns: `[N, C]` and the sizes of the grid. Gradients flow to `x`, and to the grid where `.linear` interpolates and
///   nothing was cut at a border.
/// - Precondition: shapes as above, one floating-point type, no axis of 0 pixels.
///
/// Jaderberg et al., "Spatial transformer networks", 2015, section 3.3.
public func gridSample(
  _ x: Tensor, grid: Tensor, method: ResizeMethod = .linear, padding: GridPadding = .zeros,
  alignCorners: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "gridSample", [("input", x), ("grid", grid)], file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank == 4 || x.rank == 5 else {
        throw Misuse("the input needs 4 or 5 axes, [batch, channels, ...], not \(x.rank)")
      }
      let axes = x.rank - 2
      guard grid.rank == x.rank, grid.shape[0] == x.shape[0], grid.shape[axes + 1] == axes else {
        throw Misuse(
          "the grid has \(axes) coordinates for every place, [\(x.shape[0]), ..., \(axes)] with \(x.rank) axes, not \(grid.shape)"
        )
      }
      guard !x.shape.dropFirst(2).contains(0) else {
        throw Misuse("there are no pixels in \(x.shape)")
      }
      guard method == .linear || method == .nearest else {
        throw Misuse("the method is .linear or .nearest, not .\(method)")
      }
      try requireSameType(Tensors(x, grid))
    })
  {
    return refused
  }
  let sizes = Array(x.shape.dropFirst(2))
  let target = Array(grid.shape.dropFirst().dropLast())
  let (batch, channels) = (x.shape[0], x.shape[1])
  let (pixels, points) = (sizes.reduce(1, *), target.reduce(1, *))
  let flat = x.reshaped(to: [batch, channels, pixels], file: file, line: line)
  let columns = grid.reshaped(to: [batch, 1, points, sizes.count], file: file, line: line)
    .split(sizes.map { _ in 1 }, along: 3, file: file, line: line)
  // The grid names the last axis first.
  let axes = sizes.indices.map { axis in
    AxisPoints(
      columns[sizes.count - 1 - axis].squeezed(3), count: sizes[axis], padding: padding,
      alignCorners: alignCorners)
  }
  /// The pixels at these places of all axes under their weight.
  func read(_ corner: [(index: Tensor, weight: Tensor)]) -> Tensor {
    var (index, weight) = corner[0]
    for axis in corner.indices.dropFirst() {
      index = index * Double(sizes[axis]) + corner[axis].index
      weight = weight * corner[axis].weight
    }
    let places = index.broadcast(to: [batch, channels, points], file: file, line: line)
    return flat.takenAlongAxis(places, axis: 2, file: file, line: line) * weight
  }
  let choices = axes.map { points -> [(index: Tensor, weight: Tensor)] in
    if method == .nearest {
      let pixel = points.pixels(round(points.place.detached()), 0)
      return [(pixel.index, pixel.isInside)]
    }
    let base = floor(points.place.detached())
    let part = points.place - base
    let (low, high) = (points.pixels(base, 0), points.pixels(base, 1))
    return [(low.index, (1 - part) * low.isInside), (high.index, part * high.isInside)]
  }
  let corners = choices.reduce([[]]) { all, axis in
    all.flatMap { start in axis.map { start + [$0] } }
  }
  var result = read(corners[0])
  for corner in corners.dropFirst() { result = result + read(corner) }
  return result.reshaped(to: [batch, channels] + target, file: file, line: line)
}

/// The grid of an affine map: for every place of an output the coordinates theta (x, y, 1) or theta (x, y, z, 1) at which
/// ``gridSample(_:grid:method:padding:alignCorners:file:line:)`` reads its input.
///
/// - Parameters:
///   - theta: `[N, 2, 3]` or `[N, 3, 4]`.
///   - size: the output, `[N, C, H, W]` or `[N, C, D, H, W]`.
///   - alignCorners: whether -1 and 1 are the centres of the outer pixels: 2 i / (n - 1) - 1 (0 for n = 1); else
///     (2 i + 1) / n - 1. Default: `false`.
/// - Returns: `[N, H, W, 2]` or `[N, D, H, W, 3]`.
/// - Precondition: shapes as above, float32 or float64.
///
/// Jaderberg et al., "Spatial transformer networks", 2015, equation 1.
public func affineGrid(
  _ theta: Tensor, size: TensorShape, alignCorners: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "affineGrid", [("theta", theta)], file: file, line: line,
    rule: { () throws(Misuse) in
      guard size.rank == 4 || size.rank == 5 else {
        throw Misuse("the size needs 4 or 5 axes, [batch, channels, ...], not \(size)")
      }
      let axes = size.rank - 2
      guard theta.shape == [size[0], axes, axes + 1] else {
        throw Misuse(
          "theta is a matrix a sample, [\(size[0]), \(axes), \(axes + 1)], not \(theta.shape)")
      }
      try requireSameType(Tensors(theta))
    })
  {
    return refused
  }
  let sizes = Array(size.dropFirst(2))
  let points = sizes.reduce(1, *)
  var rows: [Double] = []
  rows.reserveCapacity(points * (sizes.count + 1))
  for point in 0..<points {
    var (rest, places) = (point, [Double]())
    for count in sizes.reversed() {
      let place = Double(rest % count)
      rest /= count
      places.append(
        alignCorners
          ? (count == 1 ? 0 : 2 * place / Double(count - 1) - 1)
          : (2 * place + 1) / Double(count) - 1)
    }
    rows += places + [1]
  }
  let places = Tensor(rows, shape: [points, sizes.count + 1], dtype: theta.dtype)
  return matmul(places, theta.transposed(0, 2, 1, file: file, line: line), file: file, line: line)
    .reshaped(to: [size[0]] + sizes + [sizes.count], file: file, line: line)
}

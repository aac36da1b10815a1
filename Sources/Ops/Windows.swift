import TapestryGraph

// Sliding windows as axes of their own, patches of images as columns of a matrix (im2col), and its transpose.

extension Tensor {
  /// The windows that slide along an axis: y[.., i, .., p] = x[.., i step + p, ..].
  ///
  /// The axis then counts windows, and a new last axis their entries; what is left at the end is not used. The gradient adds up where
  /// windows overlap.
  ///
  /// - Parameters:
  ///   - size: entries of a window.
  ///   - step: from one window to the next. Default: 1.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: `1 <= size <=` size of the axis, `step >= 1`, at most five axes.
  public func windows(
    size: Int, step: Int = 1, along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    var layout: StridedLayout?
    let refused = refusal(of: "windows", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      let axis = try normalizedAxis(axis, rank: rank)
      guard rank < TensorShape.maximumRank else { throw Misuse("\(shape) has six axes already") }
      guard size >= 1, step >= 1 else {
        throw Misuse("size and step are at least 1; these are \(size) and \(step)")
      }
      guard size <= shape[axis] else {
        throw Misuse("a window of \(size) does not fit into axis \(axis) of \(shape)")
      }
      var sizes = shape
      sizes[axis] = (shape[axis] - size) / step + 1
      sizes = try TensorShape(checked: Array(sizes) + [size])
      var strides = shape.strides.map(Int64.init)
      strides.append(strides[axis])
      // Where there is one window the step does not matter, and must not overflow.
      strides[axis] = sizes[axis] > 1 ? strides[axis] * Int64(step) : 0
      layout = StridedLayout(
        shape: shape, sizes: sizes, strides: strides, start: 0, isInjective: step >= size)
    }
    if let refused { return refused }
    return apply(
      StridedPart(function: "windows", layout: layout!), to: Tensors(self), file: file, line: line)[
        0]
  }
}

/// Where the patches of an image lie.
private struct Patches {
  let layout: StridedLayout
  let sides: Padding2d.Sides
  let count: Int

  init(_ image: TensorShape, _ window: SlidingWindow) throws(Misuse) {
    let place = try window.placement(height: image[2], width: image[3], noun: "window")
    sides = place.sides
    // In range: the placement has been checked.
    let padded = try TensorShape(checked: [
      image[0], image[1], image[2] + sides.top + sides.bottom, image[3] + sides.left + sides.right,
    ])
    let sizes = try TensorShape(checked: [
      image[0], image[1], window.size.height, window.size.width, place.outputHeight,
      place.outputWidth,
    ])
    // In range: two sizes are multiplied.
    count = place.outputHeight * place.outputWidth
    let strides = padded.strides
    // In range: products of two sizes where the window has been placed.
    let own = [
      strides[0], strides[1], strides[2] * window.dilation.height, window.dilation.width,
      strides[2] * window.stride.height, window.stride.width,
    ]
    let isInjective =
      window.dilation == 1 && window.stride.height >= window.size.height
      && window.stride.width >= window.size.width
    layout = StridedLayout(
      shape: padded, sizes: sizes, strides: own.map(Int64.init), start: 0,
      isInjective: isInjective)
  }
}

/// The patches of images as columns (im2col): y[n, (c kh + p) kw + q, l] = x[n, c, i s + p d - t, j s + q d - l'] for patch l = (i, j), patches row
/// by row, rows of y by channel, then row, then column of the window; 0 outside the image.
///
/// A convolution is the product of the filters as a matrix with it.
///
/// - Parameters:
///   - x: images `[N, C, H, W]`.
///   - window: height and width of a patch.
///   - stride: from one patch to the next. Default: 1.
///   - padding: zeros around the image. Default: none.
///   - dilation: from one pixel of a patch to the next. Default: 1.
/// - Returns: `[N, C kh kw, L]`, L the number of patches.
/// - Precondition: four axes; at least one patch fits.
public func unfold2d(
  _ x: Tensor, window: Pair, stride: Pair = 1, padding: Padding2d = 0, dilation: Pair = 1,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sliding = SlidingWindow(size: window, stride: stride, padding: padding, dilation: dilation)
  var patches: Patches?
  var columns = TensorShape()
  let refused = refusal(of: "unfold2d", [("input", x)], file: file, line: line) {
    () throws(Misuse) in
    guard x.rank == 4 else {
      throw Misuse("the input needs 4 axes, [N, C, H, W], not \(x.rank)")
    }
    let found = try Patches(x.shape, sliding)
    columns = try TensorShape(checked: [
      x.shape[0], x.shape[1] * window.height * window.width, found.count,
    ])
    patches = found
  }
  if let refused { return refused }
  let (layout, sides) = (patches!.layout, patches!.sides)
  let padded =
    layout.shape == x.shape
    ? x
    : x.padded(
      [(0, 0), (0, 0), (sides.top, sides.bottom), (sides.left, sides.right)], file: file, line: line
    )
  let parts = StridedPart(function: "unfold2d", layout: layout)
  return apply(parts, to: Tensors(padded), file: file, line: line)[0]
    .reshaped(to: columns, file: file, line: line)
}

/// The images whose overlapping patches these columns are, patches added up (col2im): the transpose of
/// ``unfold2d(_:window:stride:padding:dilation:file:line:)``, parameters as there.
///
/// - Parameters:
///   - x: columns `[N, C kh kw, L]`.
///   - outputSize: height and width of the images.
/// - Returns: `[N, C, H, W]`.
/// - Precondition: L is the number of patches in an image of that size; float32 or float64.
public func fold2d(
  _ x: Tensor, outputSize: Pair, window: Pair, stride: Pair = 1, padding: Padding2d = 0,
  dilation: Pair = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sliding = SlidingWindow(size: window, stride: stride, padding: padding, dilation: dilation)
  var patches: Patches?
  let refused = refusal(of: "fold2d", [("input", x)], file: file, line: line) {
    () throws(Misuse) in
    guard x.rank == 3 else {
      throw Misuse("the input needs 3 axes, [N, C kh kw, L], not \(x.rank)")
    }
    try requireSameType(Tensors(x))
    let (area, overflow) = window.height.multipliedReportingOverflow(by: window.width)
    guard window.height > 0, window.width > 0, !overflow, x.shape[1] % area == 0 else {
      throw Misuse(
        "the input's \(x.shape[1]) rows do not divide by the pixels of a \(window) window")
    }
    let image = try TensorShape(checked: [
      x.shape[0], x.shape[1] / area, outputSize.height, outputSize.width,
    ])
    let found = try Patches(image, sliding)
    guard found.count == x.shape[2] else {
      throw Misuse(
        "an image of \(outputSize) has \(counted(found.count, "patch", "patches")), but the input has"
          + " \(counted(x.shape[2], "column"))")
    }
    patches = found
  }
  if let refused { return refused }
  let (layout, sides) = (patches!.layout, patches!.sides)
  let parts = x.reshaped(to: layout.sizes, file: file, line: line)
  let sum = apply(
    StridedSum(function: "fold2d", layout: layout), to: Tensors(parts), file: file, line: line)[0]
  if layout.shape[2] == outputSize.height && layout.shape[3] == outputSize.width { return sum }
  return sum.sliced(
    start: [0, 0, sides.top, sides.left],
    end: [
      layout.shape[0], layout.shape[1], sides.top + outputSize.height,
      sides.left + outputSize.width,
    ], file: file, line: line)
}

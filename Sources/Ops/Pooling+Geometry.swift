import CTapestryKernels
import TapestryGraph

extension SlidingWindow {
  /// The kernels' description of this pool over images of shape `input`.
  ///
  /// - Parameter needsPixels: whether every window has to meet the image, not padding alone.
  func pool(over input: TensorShape, needsPixels: Bool) throws(Misuse) -> tapestry_pooling {
    guard input.rank == 4 else {
      throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(input.rank)")
    }
    let place = try placement(height: input[2], width: input[3], noun: "window")
    _ = try TensorShape(checked: input[0], input[1], place.outputHeight, place.outputWidth)
    // Elements of a window are numbered by int32.
    try requireSize(try checkedProduct(size.height, size.width, area), atLeast: 1, area)
    let pooling = tapestry_pooling(
      planes: Int64(TensorShape(input.prefix(2)).elementCount), height: Int64(input[2]),
      width: Int64(input[3]),
      output_height: Int64(place.outputHeight), output_width: Int64(place.outputWidth),
      kernel_height: Int64(size.height), kernel_width: Int64(size.width),
      stride_height: Int64(
        Placement.effectiveStride(stride.height, outputs: place.outputHeight)),
      stride_width: Int64(Placement.effectiveStride(stride.width, outputs: place.outputWidth)),
      top: Int64(place.sides.top), left: Int64(place.sides.left), bottom: Int64(place.sides.bottom),
      right: Int64(place.sides.right), dilation_height: Int64(dilation.height),
      dilation_width: Int64(dilation.width))
    if needsPixels {
      try requirePixels(
        input[2], place.outputHeight, place.sides.top, place.sides.bottom, size.height,
        stride.height,
        dilation.height, place)
      try requirePixels(
        input[3], place.outputWidth, place.sides.left, place.sides.right, size.width, stride.width,
        dilation.width, place)
    }
    return pooling
  }

  private var area: String { "the number of elements of a \(size) window" }

  private func requirePixels(
    _ length: Int, _ outputs: Int, _ before: Int, _ after: Int, _ size: Int, _ stride: Int,
    _ dilation: Int, _ place: Placement
  ) throws(Misuse) {
    if dilation == 1 && before < size && after < size { return }
    // In range: a placement's windows begin and end within the padded image.
    for output in 0..<outputs {
      let start = output * stride - before
      // The first element that does not lie before the image.
      let element = start >= 0 ? 0 : (dilation - 1 - start) / dilation
      guard element < size, start + element * dilation < length else {
        throw Misuse(
          "window \(output) of \(outputs) along an axis of \(length) lies in the padding alone"
            + " (\(description)); use less padding")
      }
    }
  }
}

extension tapestry_pooling {
  func outputShape(_ input: TensorShape) -> TensorShape {
    TensorShape(input[0], input[1], Int(output_height), Int(output_width))
  }
}

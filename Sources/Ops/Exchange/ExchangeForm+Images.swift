import TapestryGraph

// The forms of convolutions, pools and matrix products.

extension SlidingWindow {
  /// The attributes of a window over an image of this size, all sides of the padding in numbers.
  ///
  /// Rounding up becomes padding, for formats differ in what it means.
  fileprivate func attributes(
    over image: TensorShape, noun: String
  ) throws(Misuse) -> [(name: String, value: ExchangeForm.Attribute)] {
    let place = try placement(height: image[2], width: image[3], noun: noun)
    let sides = exchangeSides(place, image)
    var attributes: [(name: String, value: ExchangeForm.Attribute)] = [
      ("kernel_shape", .integers([size.height, size.width])),
      ("strides", .integers([stride.height, stride.width])),
      ("pads", .integers([sides.top, sides.left, sides.bottom, sides.right])),
    ]
    if dilation != 1 {
      attributes.append(("dilations", .integers([dilation.height, dilation.width])))
    }
    return attributes
  }

  fileprivate func exchangeSides(_ place: Placement, _ image: TensorShape) -> Padding2d.Sides {
    var sides = place.sides
    guard isRoundingUp else { return sides }
    func needed(_ outputs: Int, _ stride: Int, _ extent: Int, _ covered: Int) -> Int {
      max((outputs - 1) * stride + extent - covered, 0)
    }
    sides.bottom = needed(
      place.outputHeight, stride.height, extent.height, image[2] + sides.top)
    sides.right = needed(place.outputWidth, stride.width, extent.width, image[3] + sides.left)
    return sides
  }
}

extension Convolution2d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var attributes = try geometry.window.attributes(over: form.shape, noun: "filter")
    attributes.append(("group", .integer(geometry.groups)))
    return [form.node("Conv", form.inputs.indices.map { .input($0) }, attributes)]
  }
}

extension Convolution1d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let image = TensorShape(form.shape[0], form.shape[1], 1, form.shape[2])
    let window = geometry.window
    let place = try window.placement(height: 1, width: image[3], noun: "filter")
    return [
      form.node(
        "Conv", form.inputs.indices.map { .input($0) },
        [
          ("kernel_shape", .integers([window.size.width])),
          ("strides", .integers([window.stride.width])),
          ("pads", .integers([place.sides.left, place.sides.right])),
          ("dilations", .integers([window.dilation.width])),
          ("group", .integer(geometry.groups)),
        ])
    ]
  }
}

extension ConvolutionTranspose2d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var attributes = try geometry.window.attributes(over: form.outputs[0].shape, noun: "filter")
    let extra = outputSize == nil ? outputPadding : exchangePadding(form)
    attributes.append(("output_padding", .integers([extra.height, extra.width])))
    attributes.append(("group", .integer(geometry.groups)))
    return [form.node("ConvTranspose", form.inputs.indices.map { .input($0) }, attributes)]
  }

  /// What the output's given size adds to the smallest that belongs to the input.
  private func exchangePadding(_ form: ExchangeForm) -> Pair {
    let (x, y, window) = (form.shape, form.outputs[0].shape, geometry.window)
    let sides = geometry.resolved(for: y).window.padding.sides
    return Pair(
      height: y[2] - (x[2] - 1) * window.stride.height - window.extent.height + sides.top
        + sides.bottom,
      width: y[3] - (x[3] - 1) * window.stride.width - window.extent.width + sides.left
        + sides.right)
  }
}

extension MaxPool2d: ExchangeableOperation {
  /// The winners' places, a second result in training, are not said.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let attributes = try window.attributes(over: form.shape, noun: "window")
    return [form.node("MaxPool", [form.x], attributes), .absent]
  }
}

extension AveragePool2d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [try form.averagePool(window, countingPadding: divisor == .pixelsAndPadding)]
  }
}

extension SumPool2d: ExchangeableOperation {
  /// The mean over windows that lie wholly in the padded image, times their size.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var window = window
    let place = try window.placement(
      height: form.shape[2], width: form.shape[3], noun: "window")
    window.padding = Padding2d(window.exchangeSides(place, form.shape))
    window.isRoundingUp = false
    let mean = try form.averagePool(window, countingPadding: true)
    let size = Double(window.size.height * window.size.width)
    return [form.node("Mul", [mean, form.number(size)])]
  }
}

extension ExchangeForm {
  fileprivate mutating func averagePool(
    _ window: SlidingWindow, countingPadding: Bool
  ) throws(Misuse) -> Operand {
    var (window, image, source) = (window, shape, x)
    // The padding counts, but not what rounding up adds to it: the padding becomes part of the image.
    if countingPadding, window.isRoundingUp, window.padding != 0 {
      let sides = try window.placement(height: image[2], width: image[3], noun: "window").sides
      let amounts = [0, 0, sides.top, sides.left, 0, 0, sides.bottom, sides.right]
      source = node("Pad", [source, integers(amounts), number(0)])
      image[2] += sides.top + sides.bottom
      image[3] += sides.left + sides.right
      // What lies beyond the padding begins no window, as in the op.
      let padded = try window.placement(height: shape[2], width: shape[3], noun: "window")
      window.padding = 0
      let plain = try window.placement(height: image[2], width: image[3], noun: "window")
      guard padded.outputHeight == plain.outputHeight, padded.outputWidth == plain.outputWidth
      else {
        throw Misuse("an average pool whose last window begins in the padding has no form")
      }
    }
    let isCounted = countingPadding && !window.isRoundingUp
    let attributes = try window.attributes(over: image, noun: "window")
    return node(
      "AveragePool", [source], attributes + [("count_include_pad", .flag(isCounted))])
  }
}

extension AdaptiveAveragePool2d: ExchangeableOperation {
  /// One mean; windows where all bins are alike; otherwise a product with the means' matrix from either side.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let (height, width) = (form.shape[2], form.shape[3])
    if size == 1 { return [form.node("GlobalAveragePool", [form.x])] }
    if size == Pair(height: height, width: width) { return [form.node("Identity", [form.x])] }
    if let window = uniformWindow(height: height, width: width, size) {
      return [try form.averagePool(window, countingPadding: false)]
    }
    if size.width == width {
      let rows = averagingMatrix(size.height, height, .float64).scalars()
      let left = form.constant([size.height, height], rows, form.dtype)
      return [form.node("MatMul", [left, form.x])]
    }
    let rows = averagingMatrix(size.height, height, .float64).scalars()
    let columns = averagingMatrix(size.width, width, .float64)
    let transposed = (0..<width * size.width).map { place in
      columns.scalars()[place % size.width * width + place / size.width]
    }
    let left = form.constant([size.height, height], rows, form.dtype)
    let right = form.constant([width, size.width], transposed, form.dtype)
    return [form.node("MatMul", [form.node("MatMul", [left, form.x]), right])]
  }
}

extension AdaptiveMaxPool2d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    if size == 1 { return [form.node("GlobalMaxPool", [form.x]), .absent] }
    guard let window = uniformWindow(height: form.shape[2], width: form.shape[3], size) else {
      throw Misuse("bins of different sizes have no form")
    }
    let attributes = try window.attributes(over: form.shape, noun: "window")
    return [form.node("MaxPool", [form.x], attributes), .absent]
  }
}

extension Linear: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let hasBias = form.inputs.count > 2
    if form.shape.rank == 2 {
      let operands: [ExchangeForm.Operand] = form.inputs.indices.map { .input($0) }
      return [form.node("Gemm", operands, [("transB", .integer(1))])]
    }
    let weight = form.node("Transpose", [.input(1)], [("perm", .integers([1, 0]))])
    let product = form.node("MatMul", [form.x, weight])
    return [hasBias ? form.node("Add", [product, .input(2)]) : product]
  }
}

extension MatrixProduct: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    func swapped(_ index: Int, _ isSwapped: Bool) -> ExchangeForm.Operand {
      guard isSwapped else { return .input(index) }
      var order = Array(0..<form.inputs[index].shape.rank)
      order.swapAt(order.count - 1, order.count - 2)
      return form.node("Transpose", [.input(index)], [("perm", .integers(order))])
    }
    return [form.node("MatMul", [swapped(0, transposesA), swapped(1, transposesB)])]
  }
}

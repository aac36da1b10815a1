import TapestryGraph

// The forms of convolutions of volumes and of transposed ones of signals.

extension SlidingWindow3d {
  /// The attributes of a window over a volume of this size, all sides of the padding in numbers.
  fileprivate func attributes(
    over volume: TensorShape
  ) throws(Misuse) -> [(name: String, value: ExchangeForm.Attribute)] {
    let place = try placement(in: volume, noun: "filter")
    let (depth, plane) = (place.depth.sides, place.plane.sides)
    return [
      ("kernel_shape", .integers([size.depth, size.height, size.width])),
      ("strides", .integers([stride.depth, stride.height, stride.width])),
      (
        "pads",
        .integers([depth.top, plane.top, plane.left, depth.bottom, plane.bottom, plane.right])
      ), ("dilations", .integers([dilation.depth, dilation.height, dilation.width])),
    ]
  }
}

extension Convolution3d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var attributes = try geometry.window.attributes(over: form.shape)
    attributes.append(("group", .integer(geometry.groups)))
    return [form.node("Conv", form.inputs.indices.map { .input($0) }, attributes)]
  }
}

extension ConvolutionTranspose3d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var attributes = try geometry.window.attributes(over: form.outputs[0].shape)
    let added = [outputPadding.depth, outputPadding.height, outputPadding.width]
    attributes.append(("output_padding", .integers(added)))
    attributes.append(("group", .integer(geometry.groups)))
    return [form.node("ConvTranspose", form.inputs.indices.map { .input($0) }, attributes)]
  }
}

extension ConvolutionTranspose1d: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let window = geometry.window
    let length = form.outputs[0].shape[2]
    let sides = try window.placement(height: 1, width: length, noun: "filter").sides
    return [
      form.node(
        "ConvTranspose", form.inputs.indices.map { .input($0) },
        [
          ("kernel_shape", .integers([window.size.width])),
          ("strides", .integers([window.stride.width])),
          ("pads", .integers([sides.left, sides.right])),
          ("dilations", .integers([window.dilation.width])),
          ("output_padding", .integers([outputPadding])),
          ("group", .integer(geometry.groups)),
        ])
    ]
  }
}

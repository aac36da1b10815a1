import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryPictures

/// The filters of a convolution as a grid.
///
/// Filters of three input channels are drawn in colour, those of one in the scale given. Of others every filter is a row of
/// its planes. All are drawn on one scale, so that strong and weak filters can be told apart.
/// - Parameters:
///   - weight: `[out, in, kH, kW]`.
///   - title: what stands above.
///   - scale: default blue below zero, red above.
///   - limit: the largest number of filters. Default 64.
///   - planeLimit: the largest number of planes of a filter. Default 16.
/// - Precondition: four axes, none of them 0.
public func filterSheet(
  _ weight: Tensor, title: String, scale: ColorScale = .signed, limit: Int = 64,
  planeLimit: Int = 16, file: StaticString = #fileID, line: UInt = #line
) -> Sheet {
  let shape = Array(weight.shape)
  guard shape.count == 4, !shape.contains(0) else {
    trap("filterSheet: filters are [out, in, kH, kW], not \(weight.shape)", file: file, line: line)
  }
  let (outputs, inputs, plane) = (shape[0], shape[1], shape[2] * shape[3])
  let values = weight.scalars()
  let finite = values.filter(\.isFinite)
  let range = (finite.min() ?? 0)...(finite.max() ?? 0)
  func planeImage(_ filter: Int, _ input: Int) -> RasterImage {
    let start = (filter * inputs + input) * plane
    return RasterImage(
      plane: Array(values[start..<start + plane]), height: shape[2], width: shape[3], scale: scale,
      range: range)
  }
  let shown = min(outputs, limit)
  let heading = shown < outputs ? "the first \(shown) of \(outputs) filters" : ""
  if inputs == 3 {
    let items = (0..<shown).map { filter in
      let start = filter * 3 * plane
      let image = RasterImage(
        picture: Tensor(Array(values[start..<start + 3 * plane]), shape: [3, shape[2], shape[3]]),
        range: range)
      return Sheet.Item(image, caption: "\(filter)")
    }
    return Sheet(title: title, sections: [Sheet.Section(heading, items, itemSize: 56)])
  }
  if inputs == 1 {
    let items = (0..<shown).map { Sheet.Item(planeImage($0, 0), caption: "\($0)") }
    return Sheet(title: title, sections: [Sheet.Section(heading, items, itemSize: 64)])
  }
  let planes = min(inputs, planeLimit)
  let sections = (0..<shown).map { filter in
    Sheet.Section(
      "filter \(filter)\(planes < inputs ? ", the first \(planes) of \(inputs) planes" : "")",
      (0..<planes).map { Sheet.Item(planeImage(filter, $0)) }, itemSize: 40)
  }
  return Sheet(title: title, sections: sections)
}

/// The maps that layers of a net make of an image.
///
/// - Parameters:
///   - outputs: see `Model.layerOutputs(of:)`; those that give no maps are passed over. The first image of a batch is
///     shown.
///   - image: the image itself, drawn first; `nil` for none.
///   - limit: the largest number of maps of a layer. Default 32.
public func mapSheet(
  _ outputs: [LayerOutput], image: Tensor? = nil, title: String, limit: Int = 32
) -> Sheet {
  var sections: [Sheet.Section] = []
  if let image {
    sections.append(
      Sheet.Section("image \(image.shape)", [Sheet.Item(RasterImage(picture: image))], itemSize: 96)
    )
  }
  for output in outputs where output.value.rank == 4 && output.value.count > 0 {
    let shape = output.value.shape
    let plane = shape[2] * shape[3]
    let values = output.value.scalars()
    let shown = min(shape[1], limit)
    let items = (0..<shown).map { channel in
      Sheet.Item(
        RasterImage(
          plane: Array(values[channel * plane..<(channel + 1) * plane]), height: shape[2],
          width: shape[3]))
    }
    let name = output.layer.isEmpty ? output.operation : "\(output.layer): \(output.operation)"
    let part = shown < shape[1] ? ", the first \(shown) maps" : ""
    sections.append(
      Sheet.Section("\(name) \(shape)\(part)", items, itemSize: plane == 1 ? 14 : 56))
  }
  return Sheet(title: title, sections: sections)
}

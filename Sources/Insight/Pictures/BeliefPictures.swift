import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryPictures

/// What each group of a layer of a deep belief net looks for, as a grid; see `DeepBeliefNet.pictures(ofLayer:)`.
///
/// Zero is mid-gray, and each picture has its own scale: groups of the higher layers differ much in strength.
/// - Parameters:
///   - title: what stands above.
///   - limit: the largest number of pictures. Default 64.
/// - Precondition: the layer exists.
public func beliefSheet(
  _ net: DeepBeliefNet, layer: Int, title: String, limit: Int = 64, file: StaticString = #fileID,
  line: UInt = #line
) -> Sheet {
  guard net.layers.indices.contains(layer) else {
    trap(
      "beliefSheet: there is no layer \(layer) among \(net.layers.count)", file: file, line: line)
  }
  let pictures = net.pictures(ofLayer: layer)
  let count = min(pictures.shape[0], limit)
  let items = (0..<count).map { group in
    let picture = pictures.sliced(group..<group + 1, along: 0)
    let reach = max(picture.scalars().filter(\.isFinite).map(abs).max() ?? 0, 1e-12)
    return Sheet.Item(RasterImage(picture: picture, range: -reach...reach))
  }
  let heading = count < pictures.shape[0] ? "the first \(count) of \(pictures.shape[0])" : ""
  return Sheet(
    title: title, sections: [Sheet.Section(heading, items, itemSize: layer == 0 ? 56 : 72)],
    width: 560)
}

/// The input of the first layer of a deep belief net, and its reconstruction from the layer's hidden units: `[N, C, H, W]`, in two rows.
///
/// - Precondition: the images suit the layer.
public func reconstructionSheet(
  _ net: DeepBeliefNet, _ images: Tensor, title: String
) -> Sheet {
  let layer = net.layers[0]
  let made = withoutGradients { layer.visibleMean(of: layer.hiddenProbabilities(of: images)) }
  func items(_ batch: Tensor, _ other: Tensor) -> [Sheet.Item] {
    (0..<batch.shape[0]).map { index in
      // Both of a pair are drawn on one scale.
      let values = other.sliced(index..<index + 1, along: 0).scalars().filter(\.isFinite)
      let range = (values.min() ?? 0)...(values.max() ?? 0)
      return Sheet.Item(
        RasterImage(picture: batch.sliced(index..<index + 1, along: 0), range: range))
    }
  }
  return Sheet(
    title: title,
    sections: [
      Sheet.Section("what the net sees", items(images, images), itemSize: 64),
      Sheet.Section("what layer 1 makes of it", items(made, images), itemSize: 64),
    ])
}

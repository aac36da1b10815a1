import TapestryGraph

/// Models one after the other; member names are their places: `0.weight`, `2.weight`.
public struct Sequential: Layer {
  public let layers: [any Model]
  public let origin: LayerOrigin

  public init(_ layers: any Model..., file: StaticString = #fileID, line: UInt = #line) {
    self.init(layers, file: file, line: line)
  }

  public init(_ layers: [any Model], file: StaticString = #fileID, line: UInt = #line) {
    self.layers = layers
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    runLayers(layers, on: input)
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    members.add(origin)
    for (index, layer) in layers.enumerated() { members.add(String(index), layer) }
    return members
  }

  /// The model at a place.
  public subscript(index: Int) -> any Model { layers[index] }
}

/// The result of the last of some models that follow one another. Batch normalisation and ReLU run as one op unless somebody
/// looks at single layers; in inference convolutions and fully connected layers run with what follows them.
func runLayers(_ layers: [any Model], on input: Tensor) -> Tensor {
  let mayFuse = mayFuseLayers
  var (x, index) = (input, 0)
  while index < layers.count {
    let next = index + 1 < layers.count ? layers[index + 1] : nil
    if mayFuse, let fused = fusedLayers(layers, from: index, on: x) {
      x = fused.result
      index = fused.next
    } else if mayFuse, let norm = layers[index] as? BatchNorm2d, let relu = next as? ReLU {
      x = norm.rectified(x, by: relu)
      index += 2
    } else {
      x = layers[index](x)
      index += 1
    }
  }
  return x
}

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
    layers.reduce(input) { $1($0) }
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

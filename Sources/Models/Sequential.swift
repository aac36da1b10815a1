import TapestryGraph

/// Models one after the other; member names are their places: `0.weight`, `2.weight`.
public struct Sequential: Model {
  public let layers: [any Model]

  public init(_ layers: any Model...) { self.layers = layers }
  public init(_ layers: [any Model]) { self.layers = layers }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    layers.reduce(input) { $1($0) }
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    for (index, layer) in layers.enumerated() { members.add(String(index), layer) }
    return members
  }

  /// The model at a place.
  public subscript(index: Int) -> any Model { layers[index] }
}

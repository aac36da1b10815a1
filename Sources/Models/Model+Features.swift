import Synchronization
import TapestryGraph

extension Model {
  /// What a layer makes of an input, on the way through the whole net.
  ///
  /// ```swift
  /// let maps = try inference { try net.features(of: images, at: "layer4") }    // [N, 512, 7, 7]
  /// ```
  ///
  /// - Parameters:
  ///   - input: what the net takes.
  ///   - name: the dotted name of a layer or of a block that is a ``Layer``. Of one that runs several times, the last
  ///     result counts.
  /// - Returns: the result, tracked like any other: gradients flow back from it.
  /// - Throws: ``UnknownName`` with the nearest names, or saying that the layer did not run.
  public func features(of input: Tensor, at name: String) throws(UnknownName) -> Tensor {
    try features(of: input, at: [name])[0]
  }

  /// What several layers make of an input, on one way through the whole net.
  ///
  /// - Parameters:
  ///   - input: what the net takes.
  ///   - names: the dotted names of layers or of blocks that are a ``Layer``.
  /// - Returns: their results, in the order of the names.
  /// - Throws: ``UnknownName`` for every name that is not one of a layer, with the nearest names, and every layer
  ///   that did not run.
  public func features(of input: Tensor, at names: [String]) throws(UnknownName) -> [Tensor] {
    let layers = members.layers
    let known = Dictionary(
      layers.map { ($0.name, $0.layer) }, uniquingKeysWith: { first, _ in first })
    let unknown = names.filter { known[$0] == nil }
    guard unknown.isEmpty else {
      throw UnknownName(
        "layer", unknown, among: layers.map(\.name).filter { !$0.isEmpty })
    }
    let tap = LayerTap(on: names.compactMap { known[$0] })
    _ = LayerTap.$current.withValue(tap) { self(input) }
    let results = names.map { name in known[name].flatMap { tap[$0] } }
    let silent = zip(names, results).filter { $1 == nil }.map(\.0)
    guard silent.isEmpty else {
      throw UnknownName(
        problems: silent.map { "the layer \"\($0)\" did not run for this input" })
    }
    return results.compactMap { $0 }
  }
}

/// Whether layers may run as one op: nobody asks for the results or the ops of single ones.
var mayFuseLayers: Bool { LayerTap.current == nil && mayFuseOperations }

/// Takes down the results of some layers.
final class LayerTap: Sendable {
  @TaskLocal static var current: LayerTap?

  private let wanted: Set<ObjectIdentifier>
  private let results = Mutex<[ObjectIdentifier: Tensor]>([:])

  /// - Parameter layers: kept alive by the model while this is in use.
  init(on layers: [LayerOrigin]) { wanted = Set(layers.map { ObjectIdentifier($0) }) }

  func note(_ layer: LayerOrigin, _ output: Tensor) {
    guard wanted.contains(ObjectIdentifier(layer)) else { return }
    results.withLock { $0[ObjectIdentifier(layer)] = output }
  }

  subscript(layer: LayerOrigin) -> Tensor? { results.withLock { $0[ObjectIdentifier(layer)] } }
}

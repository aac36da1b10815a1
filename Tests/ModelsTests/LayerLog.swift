import Synchronization
import TapestryFiles
import TapestryGraph

/// What the ops of a run put out, in order, each with the name of the layer that it belongs to.
final class LayerLog: OperationObserver {
  struct Entry {
    let layer: String
    /// Of the values; 0 in a dry run.
    let norm: Double
    let shape: TensorShape
    let multiplyAccumulates: Int
  }
  private let noted = Mutex<[Entry]>([])
  var entries: [Entry] { noted.withLock { $0 } }

  func didApply(_ event: OperationEvent) {
    let output = event.outputs[0]
    let entry = Entry(
      layer: event.site.layer?.name ?? "", norm: output.isPlaceholder ? 0 : norm(output),
      shape: output.shape, multiplyAccumulates: event.cost.multiplyAccumulates)
    noted.withLock { $0.append(entry) }
  }

  /// The result of each of these layers, in their order. A name that stands there several times is a layer that was
  /// called several times.
  ///
  /// The result of a layer or block is that of the last op in it. One without ops, dropout that does nothing, hands on
  /// what the op before the next layer made.
  func results(of names: [String]) -> [Entry?] {
    // Statistics that are updated on the side are vectors.
    let entries = entries.filter { $0.shape.rank >= 2 }
    var places: [String: [Int]] = [:]
    for (place, entry) in entries.enumerated() {
      places[entry.layer, default: []].append(place)
      var path = entry.layer
      while let dot = path.lastIndex(of: ".") {
        path = String(path[..<dot])
        places[path, default: []].append(place)
      }
    }
    let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var calls: [String: Int] = [:]
    return names.indices.map { row -> Entry? in
      let name = names[row]
      guard let found = places[name] else {
        let next = names.dropFirst(row + 1).first.flatMap { places[$0]?.first }
        return next.flatMap { $0 > 0 ? entries[$0 - 1] : nil }
      }
      guard counts[name]! > 1 else { return entries[found.last!] }
      let call = calls[name, default: 0]
      calls[name] = call + 1
      return call < found.count ? entries[found[call]] : nil
    }
  }
}

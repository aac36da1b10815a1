/// When checkpoints are written, as `--checkpoint-every` says it.
enum CheckpointRule: Equatable {
  case never
  case steps(Int)
  case seconds(Double)

  /// What `text` says: `none`, a number of updates, or a time such as `90s`, `5m`, `1h`; `nil` for anything else.
  init?(_ text: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    if text == "none" {
      self = .never
    } else if let unit = text.last.flatMap({ units[$0] }) {
      guard let count = Double(text.dropLast()), count > 0, count <= 1e6 else { return nil }
      self = .seconds(count * unit)
    } else {
      guard let count = Int(text), count > 0 else { return nil }
      self = .steps(count)
    }
  }
}

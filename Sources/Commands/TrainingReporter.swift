import TapestryFiles
import TapestryTraining

/// How a run reports its epochs.
enum ReportStyle {
  /// A line per epoch, and on a terminal one more that is updated in place.
  case lines
  /// A JSON object per epoch.
  case json
  /// Nothing.
  case quiet
}

/// Shows the progress of a training run on a console.
final class TrainingReporter: TrainingObserver {
  private let console: Console
  private let style: ReportStyle
  /// Seconds between two updates of the line in place.
  private let interval = 0.05
  private var lastUpdate = -Double.infinity
  private var hasLiveLine = false

  init(_ console: Console, style: ReportStyle) {
    self.console = console
    self.style = style
  }

  func trainingDidStep(_ progress: TrainingProgress) {
    switch style {
    case .quiet: break
    case .json: if progress.isEndOfEpoch { console.line(Self.json(progress)) }
    case .lines:
      if progress.isEndOfEpoch {
        replaceLiveLine(by: Self.text(progress) + "\n")
      } else if console.isTerminal, progress.totalSeconds - lastUpdate >= interval {
        lastUpdate = progress.totalSeconds
        replaceLiveLine(by: liveText(progress))
        hasLiveLine = true
      }
    }
  }

  /// Takes the line in place away, so that something else can be written.
  func finish() { replaceLiveLine(by: "") }

  private func replaceLiveLine(by text: String) {
    let erase = hasLiveLine ? "\r\u{1B}[K" : ""
    hasLiveLine = false
    if !(erase.isEmpty && text.isEmpty) { console.write(erase + text) }
  }

  /// What stays of an epoch: `epoch  3/30  loss 0.4321  accuracy 0.9123  18,500 images/s`.
  static func text(_ progress: TrainingProgress) -> String { measures(progress) + rate(progress) }

  private static func measures(_ progress: TrainingProgress) -> String {
    let epochs = String(progress.epochs)
    let epoch = padded(String(progress.epoch), epochs.count, isRight: true)
    return "epoch \(epoch)/\(epochs)  loss \(fixed(progress.loss, 4))"
      + "  accuracy \(fixed(progress.accuracy, 4))"
  }

  private static func rate(_ progress: TrainingProgress) -> String {
    "  \(padded(grouped(progress.imagesPerSecond), 7, isRight: true)) images/s"
  }

  /// The same with a bar and the time left, as far as the line has room; the speed goes first where it has not.
  private func liveText(_ progress: TrainingProgress) -> String {
    let room = console.width - 1
    let left = "  \(clockTime(progress.secondsLeft)) left"
    var text = Self.text(progress)
    if text.count + left.count > room { text = Self.measures(progress) }
    guard text.count + left.count <= room else { return String(text.prefix(max(room, 0))) }
    let barWidth = min(room - text.count - left.count - 2, 20)
    guard barWidth >= 4 else { return text + left }
    let filled = Int((progress.share * Double(barWidth)).rounded())
    let done = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: barWidth - filled)
    return "\(text)  \(console.styled(done, .cyan))\(console.styled(rest, .dim))\(left)"
  }

  /// The epoch as a JSON object on one line.
  static func json(_ progress: TrainingProgress) -> String {
    jsonLine([
      "epoch": .integer(progress.epoch),
      "loss": .finite(progress.loss),
      "accuracy": .finite(progress.accuracy),
      "images_per_second": .finite(progress.imagesPerSecond.rounded()),
    ])
  }
}

extension TrainingProgress {
  /// How much of the run is done, 0 ... 1.
  fileprivate var share: Double {
    Double((epoch - 1) * steps + step) / Double(max(epochs * steps, 1))
  }
}

extension JSONValue {
  /// `value`, or null when JSON has no form for it.
  static func finite(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
}

/// `value` as JSON on one line.
func jsonLine(_ value: JSONValue) -> String {
  do throws(JSONWritingError) {
    return try value.text()
  } catch {
    // Numbers come through `finite`, and nothing here nests.
    fatalError("a report that JSON cannot hold: \(error)")
  }
}

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
  /// The number of epochs of the run.
  private let epochs: Int
  /// Seconds between two updates of the line in place.
  private let interval = 0.05
  private var lastUpdate = -Double.infinity
  private var hasLiveLine = false

  init(_ console: Console, style: ReportStyle, epochs: Int) {
    self.console = console
    self.style = style
    self.epochs = epochs
  }

  func trainingDidResume(from path: String, skipping damaged: [any Error]) {
    for error in damaged { console.complain("warning: \(error)") }
    if !damaged.isEmpty { console.complain("warning: resuming from the older \(path)") }
  }

  func trainingDidStep(_ progress: TrainingProgress) {
    guard style == .lines, console.isTerminal,
      progress.isEndOfEpoch || progress.totalSeconds - lastUpdate >= interval
    else { return }
    lastUpdate = progress.totalSeconds
    replaceLiveLine(by: liveText(progress))
    hasLiveLine = true
  }

  func trainingDidEndEpoch(_ history: [EpochRecord]) {
    guard let record = history.last else { return }
    switch style {
    case .quiet: break
    case .json: console.line(Self.json(record))
    case .lines: replaceLiveLine(by: text(record) + "\n")
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
  private func text(_ record: EpochRecord) -> String {
    let validation = record.validation.map { "  validation \(fixed($0.accuracy, 4))" } ?? ""
    return measures(record.epoch, record.loss, record.accuracy) + validation
      + rate(record.imagesPerSecond)
  }

  private func measures(_ epoch: Int, _ loss: Double, _ accuracy: Double) -> String {
    let epochs = String(epochs)
    return "epoch \(padded(String(epoch), epochs.count, isRight: true))/\(epochs)"
      + "  loss \(fixed(loss, 4))  accuracy \(fixed(accuracy, 4))"
  }

  private func rate(_ imagesPerSecond: Double) -> String {
    "  \(padded(grouped(imagesPerSecond), 7, isRight: true)) images/s"
  }

  /// The line of the epoch under way: what stays of it, a bar and the time left, then learning rate and memory, as
  /// far as the line has room; where it has little, the speed goes first.
  private func liveText(_ progress: TrainingProgress) -> String {
    let room = console.width - 1
    let left = "  \(clockTime(progress.secondsLeft)) left"
    let short = measures(progress.epoch, progress.loss, progress.accuracy)
    var text = short + rate(progress.imagesPerSecond)
    if text.count + left.count > room { text = short }
    guard text.count + left.count <= room else { return String(text.prefix(max(room, 0))) }
    let more = "  rate \(short3(progress.learningRate))  \(byteSize(peakMemory()))"
    let leastBar = 6
    if text.count + more.count + left.count + leastBar <= room { text += more }
    let barWidth = min(room - text.count - left.count - 2, 20)
    guard barWidth >= 4 else { return text + left }
    let filled = Int((progress.share * Double(barWidth)).rounded())
    let done = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: barWidth - filled)
    return "\(text)  \(console.styled(done, .cyan))\(console.styled(rest, .dim))\(left)"
  }

  /// The epoch as a JSON object on one line.
  private static func json(_ record: EpochRecord) -> String {
    var object = JSONObject()
    object["epoch"] = .integer(record.epoch)
    object["loss"] = .finite(record.loss)
    object["accuracy"] = .finite(record.accuracy)
    if let validation = record.validation {
      object["validation_loss"] = .finite(validation.loss)
      object["validation_accuracy"] = .finite(validation.accuracy)
      if let topFive = validation.topFiveAccuracy {
        object["validation_top5_accuracy"] = .finite(topFive)
      }
    }
    object["learning_rate"] = .finite(record.learningRate)
    object["images_per_second"] = .finite(record.imagesPerSecond.rounded())
    return jsonLine(.object(object))
  }
}

/// `value` to three digits: `0.00123`, `1.2e-07`.
func short3(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "0" }
  var scale = 1.0
  while abs(value) * scale < 100, scale < 1e300 { scale *= 10 }
  let digits = (value * scale).rounded()
  return shortText(digits / scale)
}

extension TrainingProgress {
  /// How much of the run is done, 0 ... 1.
  fileprivate var share: Double {
    Double((epoch - 1) * steps + step) / Double(max(epochs * steps, 1))
  }
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

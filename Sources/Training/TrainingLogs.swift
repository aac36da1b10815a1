import TapestryFiles
import TapestryPictures

/// Writes a run's epochs as a table of comma-separated values, and its learning curves as pictures.
///
/// All are written anew, each all or nothing, at the end of the run and in between after an epoch: the table when a
/// second has passed since it was last written, the pictures when twenty have. A run that is resumed writes its
/// earlier epochs too. A file that cannot be written does not stop the training: ``failure`` says why.
public final class EpochLog: TrainingObserver {
  private let csv: String?
  private let svg: String?
  private let png: String?
  private let title: String
  private let clock = ContinuousClock()
  private var tableTime: ContinuousClock.Instant
  private var pictureTime: ContinuousClock.Instant
  /// What went wrong in writing last, if anything did.
  public private(set) var failure: FileError?

  /// - Parameters:
  ///   - csv: path of the table; `nil` for none.
  ///   - svg: path of the curves as SVG; `nil` for none.
  ///   - png: path of the curves as PNG; `nil` for none.
  ///   - title: above the curves.
  public init(csv: String?, svg: String? = nil, png: String? = nil, title: String = "") {
    self.csv = csv
    self.svg = svg
    self.png = png
    self.title = title
    tableTime = clock.now
    pictureTime = tableTime
  }

  public func trainingDidEndEpoch(_ history: [EpochRecord]) {
    if clock.now - tableTime >= .seconds(1) { writeTable(history) }
    if clock.now - pictureTime >= .seconds(20) { drawCurves(history) }
  }

  /// This log without the end of the run, for programs that write the weights first: they call
  /// ``trainingDidEnd(_:)`` themselves.
  package var whileTraining: any TrainingObserver {
    EpochObserver { [self] in trainingDidEndEpoch($0) }
  }

  public func trainingDidEnd(_ summary: TrainingSummary) {
    guard !summary.epochs.isEmpty else { return }
    writeTable(summary.epochs)
    drawCurves(summary.epochs)
  }

  private func writeTable(_ history: [EpochRecord]) {
    guard let csv else { return }
    tableTime = clock.now
    do throws(FileError) {
      try AtomicFile.write(Self.table(history), to: csv)
    } catch {
      failure = error
    }
  }

  private func drawCurves(_ history: [EpochRecord]) {
    pictureTime = clock.now
    let curves = LinePlot.learningCurves(history, title: title)
    do throws(FileError) {
      if let svg { try AtomicFile.write(curves.svg, to: svg) }
      if let png { try curves.raster().write(to: png) }
    } catch {
      failure = error
    }
  }

  /// A line of names, then a line per epoch. Without a validation set its columns are empty.
  public static func table(_ history: [EpochRecord]) -> String {
    var text = """
      epoch,updates,learning_rate,loss,accuracy,validation_loss,validation_accuracy,\
      validation_top5_accuracy,images,seconds\n
      """
    for record in history {
      let validation = record.validation
      let fields: [String] = [
        "\(record.epoch)", "\(record.updates)", "\(record.learningRate)", "\(record.loss)",
        "\(record.accuracy)", validation.map { "\($0.loss)" } ?? "",
        validation.map { "\($0.accuracy)" } ?? "",
        validation?.topFiveAccuracy.map { "\($0)" } ?? "", "\(record.images)",
        "\(record.seconds)",
      ]
      text += fields.joined(separator: ",") + "\n"
    }
    return text
  }
}

/// Hands the epochs on.
private struct EpochObserver: TrainingObserver {
  let onEpochs: ([EpochRecord]) -> Void

  func trainingDidEndEpoch(_ history: [EpochRecord]) { onEpochs(history) }
}

/// Writes a run's curves for TensorBoard: loss, accuracy, rate and gradient norm of the training every few updates,
/// and what the validation set says after every epoch.
public final class EventLog: TrainingObserver {
  private let folder: String
  private let interval: Int
  private var file: EventFile?
  /// What went wrong in writing last, if anything did; then nothing more is written.
  public private(set) var failure: FileError?

  /// - Parameters:
  ///   - folder: for the files.
  ///   - interval: updates between two points of the training's curves. Default 10.
  public init(folder: String, every interval: Int = 10) {
    self.folder = folder
    self.interval = max(interval, 1)
  }

  public func trainingDidStep(_ progress: TrainingProgress) {
    guard progress.updates % interval == 0 || progress.isEndOfEpoch else { return }
    add(
      [
        ("train/loss", progress.batchLoss), ("train/accuracy", progress.accuracy),
        ("train/learning_rate", progress.learningRate),
        ("train/gradient_norm", progress.gradientNorm),
        ("train/images_per_second", progress.imagesPerSecond),
      ], step: progress.updates)
  }

  public func trainingDidEndEpoch(_ history: [EpochRecord]) {
    guard let record = history.last else { return }
    var values = [("epoch/loss", record.loss), ("epoch/accuracy", record.accuracy)]
    if let validation = record.validation {
      values.append(("validation/loss", validation.loss))
      values.append(("validation/accuracy", validation.accuracy))
      if let topFive = validation.topFiveAccuracy {
        values.append(("validation/top5_accuracy", topFive))
      }
    }
    add(values, step: record.updates)
  }

  private func add(_ values: [(tag: String, value: Double)], step: Int) {
    guard failure == nil else { return }
    do throws(FileError) {
      // Made at the first event, whose step says from where on older files are out of date.
      if file == nil { file = try EventFile(in: folder, from: step) }
      try file?.add(values, step: step)
    } catch {
      failure = error
    }
  }
}

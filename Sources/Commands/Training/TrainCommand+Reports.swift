import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryModels
import TapestryTraining

extension TrainCommand {
  func announce(_ setup: TrainingSetup) {
    guard style == .lines else { return }
    let training = setup.loader.set
    let size = "\(training.height)x\(training.width)"
    let threads = counted(Int(tapestry_thread_count()), "thread")
    let validation =
      setup.validation.map { "\(grouped($0.positions.count)) validation and " } ?? ""
    let comma = validation.isEmpty ? " and " : ", "
    console.line(
      """
      \(console.styled(choices.entry.name, .bold)): \(grouped(setup.model.parameterCount)) parameters
      \(console.styled(choices.source.name, .bold)): \(grouped(training.count)) training\(comma)\
      \(validation)\(grouped(setup.test.positions.count)) test images of \(size) in \
      \(counted(training.classNames.count, "class"))
      \(beginning(setup))\(choices.optimizer.rawValue), learning rate \(shortText(choices.learningRate)), \
      batches of \(choices.batchSize), seed \(choices.seed), \(threads)

      """)
  }

  /// What happens to the images, where something does; ends in a line break.
  private func beginning(_ setup: TrainingSetup) -> String {
    var text = setup.pretrained.map { "\($0)\n" } ?? ""
    let frozen = setup.model.frozenParameterCount
    if frozen > 0 {
      text += "frozen: \(grouped(frozen)) of \(grouped(setup.model.parameterCount)) parameters\n"
    }
    if !choices.augmentation.isEmpty { text += "augmentation: \(choices.augmentation)\n" }
    return text
  }

  func report(
    _ summary: TrainingSummary, _ result: Evaluation, _ setup: TrainingSetup, weights: String
  ) {
    let peak = peakMemory()
    guard style != .json else {
      console.line(jsonResult(summary, accuracy: .finite(result.accuracy), weights, peak))
      return
    }
    if style == .lines { console.line() }
    if let best = summary.best {
      let reason =
        summary.ending == .patience ? ", the last of \(counted(patience ?? 0, "epoch")) ago" : ""
      console.line(
        "best epoch: \(best.epoch), validation accuracy \(fixed(best.accuracy, 4))\(reason)")
    }
    let effort =
      summary.steps == 0
      ? "the run was complete: nothing was left to train"
      : "trained in \(fixed(summary.seconds, 2)) s, \(grouped(summary.imagesPerSecond)) images/s"
    console.line(
      """
      test accuracy: \(console.styled(fixed(result.accuracy, 4), .bold)) \
      (\(grouped(result.correctCount)) of \(counted(result.count, "image")))
      \(effort), peak memory \(byteSize(peak))
      weights saved to \(weights)

      Try next:
        \(suggestion("evaluate", weights))
        \(suggestion("classify", weights)) --index 0\(explanation(setup, weights))
      """)
  }

  /// The suggestion to look into the net, where a page can run it and is not too large to be pleasant.
  private func explanation(_ setup: TrainingSetup, _ weights: String) -> String {
    guard setup.model.parameterCount <= 1_000_000,
      (try? ExplainCommand.page(of: setup.model, setup.description)) != nil
    else { return "" }
    return "\n  \(suggestion("explain", weights))"
  }

  func reportStop(_ summary: TrainingSummary, _ folder: RunFolder, weights: String) {
    guard style != .json else {
      console.line(jsonResult(summary, accuracy: .null, weights, peakMemory()))
      return
    }
    let epoch = summary.epochs.last.map { "in epoch \($0.epoch) of \(epochs), " } ?? ""
    console.line(
      """
      interrupted \(epoch)after \(counted(summary.steps, "step"))
      weights, as they are, saved to \(weights)
        \(suggestion("evaluate", weights))
      """)
    if checkpointRule != .never, summary.steps > 0 {
      console.line(
        "  \(program.invocation) train --resume \(shellQuoted(folder.path))")
    }
  }

  private func jsonResult(
    _ summary: TrainingSummary, accuracy: JSONValue, _ weights: String, _ peak: Int
  ) -> String {
    var object = JSONObject()
    object["test_accuracy"] = accuracy
    if let best = summary.best {
      object["best_epoch"] = .integer(best.epoch)
      object["validation_accuracy"] = .finite(best.accuracy)
    }
    object["train_seconds"] = .finite(summary.seconds)
    object["images_per_second"] = .finite(summary.imagesPerSecond.rounded())
    object["peak_bytes"] = .integer(peak)
    object["weights"] = .string(weights)
    object["interrupted"] = .bool(summary.wasStopped)
    return jsonLine(.object(object))
  }

  private func suggestion(_ command: String, _ weights: String) -> String {
    let data = choices.source.path.map { " --data \(shellQuoted($0))" } ?? ""
    return "\(program.invocation) \(command) --weights \(shellQuoted(weights))\(data)"
  }
}

import TapestryDatasets
import TapestryFiles
import TapestryModels

extension TrainCommand {
  /// The options, each with the type of its value.
  enum Options {
    static let epochs: Option<Int?> = .int(
      "epochs", in: 1...1_000_000,
      help:
        "Passes over the training images. (default: \(Defaults.digitEpochs) on the embedded "
        + "digits, \(Defaults.epochs) on others, \(Defaults.wholeSetEpochs) with rprop and lbfgs)"
    )
    static let validation: Option<Double> = .double(
      "validation", "SHARE", default: 0, in: 0...0.9,
      help:
        "Share of the training images that is held out to measure every epoch on; the weights of "
        + "the best epoch are saved.")
    static let patience: Option<Int?> = .int(
      "patience", "EPOCHS", in: 1...1_000_000,
      help: "Ends after so many epochs without improvement on the held-out images.")
    static let learningRate: Option<Double?> = .double(
      "learning-rate",
      help: "Size of the largest steps. \(TrainingChoices.rateHelp)")
    static let schedule: Option<String> = .string(
      "schedule", "NAME:...", default: "cosine",
      help: "How the learning rate goes: \(ScheduleChoice.help)")
    static let warmup: Option<Double> = .double(
      "warmup", "EPOCHS", default: 0, in: 0...1_000_000,
      help: "Begins with so many epochs, or parts of one, of a rising rate.")
    static let ema: Option<Double?> = .double(
      "ema", "DECAY", in: 0...0.999999,
      help: "Measures and saves an exponential average of the weights, such as 0.999.")
    static let output: Option<String?> = .string(
      "output", "DIR",
      help:
        "The folder of the run. (default: runs/MODEL-DATA, with a number when that is taken)")
    static let overwrite: Option<Bool> = .flag(
      "overwrite", help: "Replaces the run that the folder holds.")
    static let resume: Option<String?> = .string(
      "resume", "DIR",
      help:
        "Goes on with the run in DIR, by its own configuration; only --threads, --data, --stop-after, "
        + "--json and --quiet can be given too.")
    static let stopAfter: Option<Int?> = .int(
      "stop-after", "UPDATES", in: 1 ... .max,
      help: "Stops, as Ctrl-C does, when the run has made so many updates.")
    static let checkpointEvery: Option<String> = .string(
      "checkpoint-every", "N", default: "5m",
      help: "Updates, or a time such as 90s, 5m or 1h, between two checkpoints; none for none.")
    static let keep: Option<Int> = .int(
      "keep", default: 2, in: 1...1_000_000, help: "How many checkpoints are kept.")
    static let tensorboard: Option<Bool> = .flag(
      "tensorboard", help: "Writes events that TensorBoard shows, in DIR/events.")
    static let config: Option<String?> = .string(
      "config", "FILE",
      help:
        "A JSON object with these options as keys; what is typed wins. Each run stores its own as "
        + "config.json.")
    static let json: Option<Bool> = .flag(
      "json", help: "One JSON object per epoch, then one with the result.")
    static let quiet: Option<Bool> = .flag("quiet", help: "No progress, only the result.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "train", summary: "Trains a model and saves its weights.",
    discussion: """
      Without options LeNet-5 learns the embedded handwritten digits (1,797 images, a fifth of them kept for
      the test) in a few seconds. Ctrl-C stops after the step at hand and saves what there is; --resume goes on
      from there. The same seed gives the same weights, bit for bit, on any number of threads, stopped and
      resumed or not.

      \(DataSource.forms)

        convnet train
        convnet train --model digitnet --epochs 10 --optimizer sgd
        convnet train --data path/to/mnist --validation 0.1 --patience 3
        convnet train --resume runs/lenet5-mnist
      """,
    options: (TrainingChoices.modelOptions
      + declared(Options.epochs)).titled("What to train")
      + (TrainingChoices.dataOptions
      + declared(Options.validation, Options.patience)).titled("Data")
      + TrainingChoices.stepOptions.titled("Steps")
      + declared(Options.learningRate, Options.schedule, Options.warmup, Options.ema).titled(
        "Learning rate and averages")
      + declared(
        Options.output, Options.overwrite, Options.resume, Options.stopAfter,
        Options.checkpointEvery, Options.keep, Options.tensorboard, Options.config
      ).titled("The run")
      + TrainingChoices.machineOptions
      + declared(Options.json, Options.quiet))

  /// Options that say how a command is run, not what it does.
  static let notInConfiguration: Set<String> = [
    "config", "resume", "overwrite", "output", "stop-after", "json", "quiet",
  ]

  /// What may be typed beside `--resume`.
  private static let withResume: Set<String> = [
    "resume", "threads", "data", "stop-after", "json", "quiet",
  ]

  /// The command line with what its `--config` says.
  static func configured(_ typed: ParsedArguments) throws -> ParsedArguments {
    guard let path = typed[Options.config] else { return typed }
    let configuration = try CommandConfiguration(
      path: path, of: description, except: notInConfiguration)
    return typed.filled(with: configuration.values)
  }

  /// The command line of the run in the folder `path`.
  static func resumed(_ path: String, _ typed: ParsedArguments) throws -> ParsedArguments {
    let others = typed.typedOptions.keys.filter { !withResume.contains($0) }.sorted()
    guard others.isEmpty else {
      throw typed.misuse(
        "--resume goes on with a run as it was begun: \(others.map { "--\($0)" }.joined(separator: ", ")) "
          + "cannot be changed")
    }
    let file = path.hasSuffix("/") ? path : path + "/"
    guard try RunFolder.holdsRun(path) else {
      throw CommandError("\(path): holds no run to resume")
    }
    let configuration = try CommandConfiguration(
      path: file + RunFolder.Name.configuration, of: description, except: notInConfiguration)
    return typed.filled(with: configuration.values)
  }
}

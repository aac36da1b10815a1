import TapestryDatasets
import TapestryFiles
import TapestryModels
import TapestryTraining

/// The program `convnet`: finds the command, runs it, turns errors into messages and exit codes.
package struct Convnet {
  /// Exit codes, besides 0.
  package enum ExitCode {
    /// The files, the data, the model or the machine are not as they must be.
    package static let failure: Int32 = 1
    /// The command line cannot be understood.
    package static let usage: Int32 = 2
    /// Ctrl-C, as shells report it.
    package static let interrupted: Int32 = 130
  }

  package static let version = "0.1.0"

  package static let commands = CommandList(
    program: "convnet",
    summary: "Trains convolutional nets on images, measures them, and shows what they answer.",
    commands: [
      TrainCommand.description, FindRateCommand.description, EvaluateCommand.description,
      ClassifyCommand.description, ExplainCommand.description, AugmentCommand.description,
      ModelsCommand.description, SummaryCommand.description,
      GraphCommand.description, FiltersCommand.description, MapsCommand.description,
      SaliencyCommand.description, DreamCommand.description, PatchesCommand.description,
      ConfusionCommand.description, MistakesCommand.description, BeliefCommand.description,
      BenchmarkCommand.description,
      ProfileCommand.description, ExportCommand.description, RunCommand.description,
      VerifyCommand.description, helpDescription, versionDescription,
    ])

  let console: Console
  let stopRequest: StopRequest
  /// Whether Ctrl-C makes the request while a net is trained.
  let isInterruptible: Bool
  /// What the user types to run the program, for the commands that it suggests.
  let invocation: String

  /// The program, writing to `console`.
  ///
  /// - Parameter stopRequest: what stops a training run; `nil` for Ctrl-C.
  package init(
    console: Console, stopRequest: StopRequest? = nil, invocation: String = "convnet"
  ) {
    self.console = console
    isInterruptible = stopRequest == nil
    self.stopRequest = stopRequest ?? Interrupts.stopRequest
    self.invocation = invocation
  }

  /// Runs the command line `words`, without the program's name.
  ///
  /// - Returns: the exit code.
  package func run(_ words: [String]) -> Int32 {
    do {
      return try perform(words)
    } catch let error as UsageError {
      console.complain("\(error)")
      return ExitCode.usage
    } catch {
      console.complain("\(error)")
      return ExitCode.failure
    }
  }

  private func perform(_ words: [String]) throws -> Int32 {
    switch words.first {
    case "-h", "--help":
      console.line(Self.commands.help())
      return 0
    case "--version":
      console.line("convnet \(Self.version)")
      return 0
    case let option? where option.hasPrefix("-"):
      let near = nearest(String(option.drop { $0 == "-" }), in: ["help", "version"])
      throw UsageError(
        .unknownOption(option: option, nearest: near.map { "--\($0)" }), command: "convnet")
    default: break
    }
    let command = try Self.commands.command(words.first)
    switch try command.parse(Array(words.dropFirst())) {
    case .help(let text):
      console.line(text)
      return 0
    case .run(let arguments):
      return try run(command.name, arguments)
    }
  }

  private func run(_ name: String, _ arguments: ParsedArguments) throws -> Int32 {
    switch name {
    case TrainCommand.description.name:
      warnOfDebugBuild()
      return try TrainCommand(arguments, self).run()
    case FindRateCommand.description.name:
      warnOfDebugBuild()
      return try FindRateCommand(arguments, self).run()
    case EvaluateCommand.description.name:
      warnOfDebugBuild()
      return try EvaluateCommand(arguments, self).run()
    case ClassifyCommand.description.name: return try ClassifyCommand(arguments, self).run()
    case ExportCommand.description.name: return try ExportCommand(arguments, self).run()
    case RunCommand.description.name:
      warnOfDebugBuild()
      return try RunCommand(arguments, self).run()
    case VerifyCommand.description.name: return try VerifyCommand(arguments, self).run()
    case AugmentCommand.description.name: return try AugmentCommand(arguments, self).run()
    case ExplainCommand.description.name: return try ExplainCommand(arguments, self).run()
    case SummaryCommand.description.name: return try SummaryCommand(arguments, self).run()
    case ModelsCommand.description.name: return ModelsCommand(arguments, self).run()
    case GraphCommand.description.name: return try GraphCommand(arguments, self).run()
    case FiltersCommand.description.name: return try FiltersCommand(arguments, self).run()
    case MapsCommand.description.name: return try MapsCommand(arguments, self).run()
    case SaliencyCommand.description.name: return try SaliencyCommand(arguments, self).run()
    case DreamCommand.description.name: return try DreamCommand(arguments, self).run()
    case PatchesCommand.description.name: return try PatchesCommand(arguments, self).run()
    case ConfusionCommand.description.name: return try ConfusionCommand(arguments, self).run()
    case MistakesCommand.description.name: return try MistakesCommand(arguments, self).run()
    case BeliefCommand.description.name:
      warnOfDebugBuild()
      return try BeliefCommand(arguments, self).run()
    case BenchmarkCommand.description.name:
      warnOfDebugBuild()
      return try BenchmarkCommand(arguments, self).run()
    case ProfileCommand.description.name:
      warnOfDebugBuild()
      return try ProfileCommand(arguments, self).run()
    case Self.versionDescription.name: console.line("convnet \(Self.version)")
    default:
      let topic = arguments.argument("COMMAND")
      console.line(
        try topic.map { try Self.commands.command($0).help() } ?? Self.commands.help())
    }
    return 0
  }

  private func warnOfDebugBuild() {
    #if DEBUG
      console.complain(
        "warning: built for debug, many times slower; use 'swift run -c release convnet'")
    #endif
  }

  private static let helpDescription = CommandDescription(
    program: "convnet", name: "help", summary: "Shows this help, or that of a command.",
    arguments: [CommandArgument("COMMAND", .optional, help: "Name of a command.")])

  private static let versionDescription = CommandDescription(
    program: "convnet", name: "version", summary: "Prints the version.")
}

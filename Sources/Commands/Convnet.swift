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

  /// The commands, in the order of the help. Parsing, help and dispatch come from this list alone.
  private static var types: [any Command.Type] {
    [
      TrainCommand.self, FindRateCommand.self, EvaluateCommand.self, ClassifyCommand.self,
      ExplainCommand.self, AugmentCommand.self, ModelsCommand.self, SummaryCommand.self,
      GraphCommand.self, FiltersCommand.self, MapsCommand.self, SaliencyCommand.self,
      DreamCommand.self, PatchesCommand.self, ConfusionCommand.self, MistakesCommand.self,
      BeliefCommand.self, BenchmarkCommand.self, ProfileCommand.self, ExportCommand.self,
      RunCommand.self, VerifyCommand.self, HelpCommand.self, VersionCommand.self,
    ]
  }

  package static let commands = CommandList(
    program: "convnet",
    summary: "Trains convolutional nets on images, measures them, and shows what they answer.",
    commands: types.map { $0.description })

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
      // There is a type for each description.
      let type = Self.types.first { $0.description.name == command.name }!
      if type.computesMuch { warnOfDebugBuild() }
      return try type.init(arguments, self).run()
    }
  }

  private func warnOfDebugBuild() {
    #if DEBUG
      console.complain(
        "warning: built for debug, many times slower; use 'swift run -c release convnet'")
    #endif
  }
}

/// `convnet help`.
private struct HelpCommand: Command {
  static let description = CommandDescription(
    program: "convnet", name: "help", summary: "Shows this help, or that of a command.",
    arguments: [CommandArgument("COMMAND", .optional, help: "Name of a command.")])

  private let topic: String?
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    topic = arguments.argument("COMMAND")
    console = program.console
  }

  func run() throws -> Int32 {
    console.line(
      try topic.map { try Convnet.commands.command($0).help() } ?? Convnet.commands.help())
    return 0
  }
}

/// `convnet version`.
private struct VersionCommand: Command {
  static let description = CommandDescription(
    program: "convnet", name: "version", summary: "Prints the version.")

  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) { console = program.console }

  func run() -> Int32 {
    console.line("convnet \(Convnet.version)")
    return 0
  }
}

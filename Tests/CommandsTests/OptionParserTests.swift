import TapestryCommands
import Testing

/// The command that most tests parse for.
let train = CommandDescription(
  program: "convnet", name: "train", summary: "Trains a model.",
  arguments: [
    CommandArgument("MODEL", help: "Name of a model."),
    CommandArgument("DATA", .optional, help: "Directory of the data."),
  ],
  options: declared(
    Typed.learningRate, Typed.epochs, Typed.seed, Typed.momentum, Typed.optimizer, Typed.out,
    Typed.classes, Typed.milestones, Typed.quiet))

/// Its options.
enum Typed {
  static let learningRate: Option<Double> = .double(
    "learning-rate", default: 0.1, in: 0...10, help: "Step size.")
  static let epochs: Option<Int> = .int(
    "epochs", default: 5, in: 1 ... .max, help: "Passes over the data.")
  static let seed: Option<Int?> = .int("seed", help: "Seed.")
  static let momentum: Option<Double?> = .double("momentum", in: -.infinity...1, help: "Momentum.")
  static let optimizer: Option<String> = .choice(
    "optimizer", "NAME", of: ["sgd", "adam"], default: "sgd", help: "The optimizer.")
  static let out: Option<String?> = .string("out", "FILE", help: "Where the state goes.")
  static let classes: Option<[String]> = .list("classes", default: "dog,cat", help: "Names.")
  static let milestones: Option<[Int]> = .intList("milestones", in: 0...100, help: "Epochs.")
  static let quiet: Option<Bool> = .flag("quiet", help: "No progress.")
}

/// The arguments in `line`, split at its spaces; a failure when it asks for help.
func parsed(_ line: String, as command: CommandDescription = train) throws -> ParsedArguments {
  switch try command.parse(line.split(separator: " ").map(String.init)) {
  case .run(let arguments): return arguments
  case .help: throw UsageError(.other("asked for help"), command: "")
  }
}

@Suite("Option parser")
struct OptionParserTests {
  private func refusal(_ line: String, as command: CommandDescription = train) -> String {
    do {
      _ = try parsed(line, as: command)
      return "nothing was thrown"
    } catch {
      return "\(error)"
    }
  }

  @Test("options stand before, between and behind the arguments, with a space or '='")
  func forms() throws {
    let arguments = try parsed(
      "--epochs 7 lenet5 --learning-rate=1e-3 digits --quiet --out=a=b --seed -3")
    #expect(arguments[Typed.epochs] == 7)
    #expect(arguments[Typed.learningRate] == 1e-3)
    #expect(arguments[Typed.out] == "a=b")
    #expect(arguments[Typed.seed] == -3)
    #expect(arguments.argument("MODEL") == "lenet5")
    #expect(arguments.argument("DATA") == "digits")
    #expect(arguments[Typed.quiet] && arguments.isTyped(Typed.epochs))
  }

  @Test("what is not typed has its default or none")
  func defaults() throws {
    let arguments = try parsed("lenet5")
    #expect(arguments[Typed.learningRate] == 0.1)
    #expect(arguments[Typed.epochs] == 5)
    #expect(arguments[Typed.optimizer] == "sgd")
    #expect(arguments[Typed.classes] == ["dog", "cat"])
    #expect(arguments[Typed.milestones].isEmpty)
    #expect(arguments[Typed.seed] == nil)
    #expect(arguments[Typed.momentum] == nil)
    #expect(arguments[Typed.out] == nil)
    #expect(arguments.argument("DATA") == nil)
    #expect(!arguments[Typed.quiet] && !arguments.isTyped(Typed.epochs))
  }

  @Test("lists are split at commas")
  func lists() throws {
    let arguments = try parsed("m --classes=boat, --milestones 30,60,90")
    #expect(arguments[Typed.classes] == ["boat", ""])
    #expect(arguments[Typed.milestones] == [30, 60, 90])
    #expect(try parsed("m --classes=")[Typed.classes].isEmpty)
  }

  @Test("behind '--' everything is an argument, and '-' is one anywhere")
  func endOfOptions() throws {
    #expect(try parsed("-- --quiet -h").argument("DATA") == "-h")
    #expect(try parsed("- x").argument("MODEL") == "-")
  }

  @Test("help is asked for in any place, whatever else is wrong")
  func help() throws {
    for line in [["-h"], ["--help"], ["m", "--nonsense", "--help"], ["--epochs", "-h"]] {
      guard case .help(let text) = try train.parse(line) else {
        Issue.record("\(line) does not give help")
        continue
      }
      #expect(text == train.help())
    }
  }

  @Test("an argument that may be repeated takes all words")
  func many() throws {
    let show = CommandDescription(
      program: "convnet", name: "show", summary: "",
      arguments: [CommandArgument("STATE", help: ""), CommandArgument("IMAGE", .many, help: "")])
    #expect(try parsed("s a b c", as: show).arguments("IMAGE") == ["a", "b", "c"])
    #expect(try parsed("s a b c", as: show).arguments("STATE") == ["s"])
    #expect(refusal("s", as: show) == "argument IMAGE is missing; see 'convnet show --help'")
  }

  @Test(
    "what does not fit is refused with the remedy",
    arguments: [
      ("m --learning-rat 1", "unknown option '--learning-rat' (did you mean '--learning-rate'?)"),
      ("m --epcohs=3", "unknown option '--epcohs' (did you mean '--epochs'?)"),
      ("m --bananas", "unknown option '--bananas'"),
      ("m --hlep", "unknown option '--hlep' (did you mean '--help'?)"),
      ("m -q", "unknown option '-q'"),
      ("m -epochs 3", "unknown option '-epochs' (did you mean '--epochs'?)"),
      ("m --=3", "unknown option '--'"),
      ("m --epochs", "option '--epochs' needs a value: --epochs N"),
      ("m --out --quiet", "option '--out' needs a value: --out FILE"),
      ("m --quiet=yes", "option '--quiet' takes no value, but 'yes' was given"),
      ("m --seed 1 --seed=1", "option '--seed' is given twice"),
      ("m --quiet --quiet", "option '--quiet' is given twice"),
      ("m --seed 1.5", "'--seed' is '1.5', but must be a whole number"),
      ("m --seed=", "'--seed' is '', but must be a whole number"),
      (
        "m --seed 9223372036854775808",
        "'--seed' is '9223372036854775808', but must be a whole number"
      ),
      ("m --epochs 0", "'--epochs' is '0', but must be a whole number of at least 1"),
      ("m --learning-rate fast", "'--learning-rate' is 'fast', but must be a number from 0 to 10"),
      ("m --learning-rate nan", "'--learning-rate' is 'nan', but must be a number from 0 to 10"),
      ("m --learning-rate -1", "'--learning-rate' is '-1', but must be a number from 0 to 10"),
      ("m --momentum 1.5", "'--momentum' is '1.5', but must be a number of at most 1"),
      ("m --momentum -inf", "'--momentum' is '-inf', but must be a number of at most 1"),
      (
        "m --optimizer adm",
        "'--optimizer' is 'adm', but must be one of sgd, adam (did you mean 'adam'?)"
      ),
      ("m --optimizer newton", "'--optimizer' is 'newton', but must be one of sgd, adam"),
      (
        "m --milestones 1,x",
        "'--milestones' is '1,x', but must be whole numbers from 0 to 100 with commas between them"
      ),
      (
        "m --milestones 1,,2",
        "'--milestones' is '1,,2', but must be whole numbers from 0 to 100 with commas between them"
      ),
      ("m d surplus more", "unexpected argument 'surplus'"),
      ("--quiet", "argument MODEL is missing"),
    ])
  func refusals(line: String, expected: String) {
    #expect(refusal(line) == expected + "; see 'convnet train --help'")
  }

  @Test("to read what the command does not declare is a mistake of the program")
  func undeclared() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try parsed("m")[Option<Int?>.int("epoch", help: "")]
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("OptionParserTests.swift"))
    #expect(text.contains("convnet train declares no option --epoch"))
    let other = await #expect(processExitsWith: .failure) {
      // The name is declared, but as another option.
      _ = try parsed("m")[Option<Int>.int("epochs", default: 6, in: 1 ... .max, help: "")]
    }
    #expect(other != nil)
  }

  @Test("an option without default can be required when it is read")
  func required() throws {
    let arguments = try parsed("m")
    #expect(
      throws: UsageError(
        .missingOption(option: "--out", placeholder: "FILE"), command: "convnet train")
    ) { try arguments.required(Typed.out) }
    #expect(throws: UsageError.self) { try arguments.required(Typed.seed) }
    #expect(throws: UsageError.self) { try arguments.required(Typed.momentum) }
    let error = UsageError(
      .missingOption(option: "--out", placeholder: "FILE"), command: "convnet train")
    #expect("\(error)" == "option '--out FILE' is required; see 'convnet train --help'")
    #expect(
      "\(arguments.misuse("--a excludes --b"))" == "--a excludes --b; see 'convnet train --help'")
  }
}

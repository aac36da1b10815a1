import TapestryCommands
import TapestryModels
import Testing

@Suite("The program convnet")
struct ConvnetTests {
  @Test("help of the program", arguments: [["--help"], ["-h"], ["help"]])
  func help(words: [String]) {
    let session = Session(words)
    #expect(session.exitCode == 0)
    #expect(session.output == Convnet.commands.help() + "\n")
    #expect(session.errors.isEmpty)
  }

  @Test("help of each command, in three forms", arguments: Convnet.commands.commands.map(\.name))
  func commandHelp(name: String) throws {
    let help = try Convnet.commands.command(name).help() + "\n"
    for words in [["help", name], [name, "--help"], [name, "-h"]] {
      let session = Session(words)
      #expect(session.exitCode == 0)
      #expect(session.output == help)
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("the help of train names every option of the program's contract")
  func options() {
    let output = Session(["train", "--help"]).output
    let names = [
      "model", "data", "epochs", "batch", "learning-rate", "optimizer", "seed", "threads", "output",
      "json",
    ]
    for name in names { #expect(output.contains("--\(name)")) }
  }

  @Test("the version", arguments: [["--version"], ["version"]])
  func version(words: [String]) {
    #expect(Session(words).output == "convnet \(Convnet.version)\n")
  }

  @Test("the models are listed")
  func models() throws {
    let session = Session(["models"])
    #expect(session.exitCode == 0)
    let lines = session.output.split(separator: "\n")
    #expect(lines.count == ModelCatalog.entries.count + 1)
    #expect(lines[0].hasPrefix("model "))
    #expect(lines[1].hasPrefix("lenet5 "))
    #expect(lines[1].contains(" 61,706 "))
    #expect(lines[1].hasSuffix("LeNet-5, as commonly rebuilt (LeCun et al. 1998)"))
    let objects = try Session(["models", "--json"]).json()
    #expect(objects.map { $0["model"]?.string } == ModelCatalog.entries.map(\.name))
    let resnet = try #require(objects.first { $0["model"]?.string == "resnet50" })
    #expect(resnet["parameters"]?.int == 25_557_032)
    #expect(resnet["classes"]?.int == 1000)
    #expect(resnet["paper"]?.string == "He et al. 2015")
  }

  @Test(
    "a command line that cannot be understood: exit code 2, the remedy, and no output",
    arguments: [
      ([], "no command given"),
      (["trian"], "did you mean 'train'?"),
      (["--hlep"], "did you mean '--help'?"),
      (["help", "trian"], "did you mean 'train'?"),
      (["train", "--epoch", "3"], "did you mean '--epochs'?"),
      (["train", "--model", "lenet"], "did you mean 'lenet5'?"),
      (["train", "--model", "alexnet_2013"], "did you mean 'alexnet-2012'?"),
      (["train", "--model", "transformer"], "one of the models that 'convnet models' lists"),
      (["train", "--optimizer", "adm"], "did you mean 'adam'?"),
      (["train", "--epochs", "0"], "'--epochs' is '0'"),
      (["train", "--epochs", "-3"], "'--epochs' is '-3'"),
      (["train", "--epochs", "many"], "'--epochs' is 'many'"),
      (["train", "--batch", "0"], "'--batch' is '0'"),
      (["train", "--threads", "0"], "'--threads' is '0'"),
      (["train", "--seed", "-1"], "'--seed' is '-1'"),
      (["train", "--learning-rate", "0"], "must be greater than 0"),
      (["train", "--learning-rate", "-0.1"], "must be greater than 0"),
      (["train", "--learning-rate", "nan"], "'--learning-rate' is 'nan'"),
      (["train", "--learning-rate", "inf"], "'--learning-rate' is 'inf'"),
      (["train", "digits"], "unexpected argument 'digits'"),
      (["train", "--output"], "needs a value"),
      (["evaluate"], "'--weights FILE' is required"),
      (["evaluate", "--weights", "a", "--weights", "b"], "given twice"),
      (["classify", "--weights", "a"], "nothing to classify"),
      (["classify", "--weights", "a", "--index", "0", "b.pgm"], "not both"),
      (["classify", "--weights", "a", "--index", "-1"], "'--index' is '-1'"),
      (["classify", "--weights", "a", "b.pgm", "--data", "c"], "--data needs --index"),
    ] as [([String], String)])
  func usage(words: [String], expected: String) {
    let session = Session(words)
    #expect(session.exitCode == 2)
    #expect(session.output.isEmpty)
    #expect(session.complaint.hasPrefix("convnet: "))
    #expect(session.complaint.contains(expected))
    #expect(session.complaint.contains("--help'"))
  }
}

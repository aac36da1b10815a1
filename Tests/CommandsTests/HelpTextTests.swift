import TapestryCommands
import Testing

@Suite("Help text")
struct HelpTextTests {
  @Test("the help of a command is aligned and wrapped")
  func command() {
    let command = CommandDescription(
      program: "convnet", name: "train",
      summary: "Trains a model of the zoo on a data set and writes its state.",
      discussion: """
        Without DATA the
        embedded digits are taken.

          convnet train lenet5 --epochs 3
        """,
      arguments: [
        CommandArgument("MODEL", help: "Name of a model."),
        CommandArgument("DATA", .optional, help: "Directory with the data set."),
      ],
      options: [
        .double("learning-rate", default: 1, help: "Size of the steps along the gradient."),
        .choice(
          "optimizer", "NAME", of: ["sgd", "adam"], default: "sgd", help: "How steps are made."),
        .string("a-very-long-name-for-an-option", "FILE", help: "Rarely used."),
        .intList("milestones", default: [30, 60], help: "Epochs after which steps shrink."),
        .flag("quiet", help: "Shows no progress."),
      ])
    #expect(
      command.help(width: 64) == """
        Usage: convnet train MODEL [DATA] [options]

        Trains a model of the zoo on a data set and writes its state.

        Without DATA the embedded digits are taken.

          convnet train lenet5 --epochs 3

        Arguments:
          MODEL                 Name of a model.
          DATA                  Directory with the data set.

        Options:
          --learning-rate X     Size of the steps along the gradient.
                                (default: 1)
          --optimizer NAME      How steps are made. One of sgd, adam.
                                (default: sgd)
          --a-very-long-name-for-an-option FILE
                                Rarely used.
          --milestones N,N,...  Epochs after which steps shrink.
                                (default: 30,60)
          --quiet               Shows no progress.
          -h, --help            Show this help.
        """)
  }

  @Test("no line is longer than 80 characters")
  func width() {
    #expect(train.help().split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("the help of the program lists the commands")
  func program() {
    let list = CommandList(
      program: "convnet", summary: "Trains ConvNets and shows what they see.",
      commands: [
        train,
        CommandDescription(program: "convnet", name: "evaluate", summary: "Measures accuracy."),
      ])
    #expect(
      list.help() == """
        Usage: convnet COMMAND [options]

        Trains ConvNets and shows what they see.

        Commands:
          train     Trains a model.
          evaluate  Measures accuracy.

        'convnet COMMAND --help' tells more of a command.
        """)
  }

  @Test("a command is found by its name, a slip is answered with the nearest")
  func commands() throws {
    let list = CommandList(program: "convnet", summary: "", commands: [train])
    #expect(try list.command("train") == train)
    func refusal(_ name: String?) -> String {
      do throws(UsageError) {
        return "\(try list.command(name))"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      refusal("trian")
        == "unknown command 'trian' (did you mean 'train'?); see 'convnet --help'")
    #expect(refusal("export") == "unknown command 'export'; see 'convnet --help'")
    #expect(refusal(nil) == "no command given; see 'convnet --help'")
  }
}

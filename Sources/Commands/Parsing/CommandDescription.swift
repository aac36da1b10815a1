import TapestryFiles

/// An argument of a command that is known by its place.
package struct CommandArgument: Equatable, Sendable {
  /// How often an argument is given.
  package enum Count: Equatable, Sendable {
    /// Once.
    case one
    /// Once or not at all.
    case optional
    /// Any number of times, at least once; only the last argument of a command can be this.
    case many
    /// Any number of times, also none; only the last argument of a command can be this.
    case any
  }

  /// The name in capitals, as the help shows it: `MODEL`.
  package let name: String
  /// How often it is given.
  package let count: Count
  /// What it is, for the help.
  package let help: String

  /// An argument; required unless said otherwise.
  package init(_ name: String, _ count: Count = .one, help: String) {
    self.name = name
    self.count = count
    self.help = help
  }
}

/// What a command takes: enough to parse its command line and to write its help.
package struct CommandDescription: Equatable, Sendable {
  /// The name of the program: `convnet`.
  package let program: String
  /// The name of the command: `train`.
  package let name: String
  /// What it does, in a few words, for the list of commands.
  package let summary: String
  /// What more its help says; paragraphs are separated by empty lines, indented lines stay as
  /// they are.
  package let discussion: String
  /// The arguments by place.
  package let arguments: [CommandArgument]
  /// The options, in the order of the help. `--help` is always there and not among them.
  package let options: [CommandOption]

  /// A description of the command `name`.
  package init(
    program: String, name: String, summary: String, discussion: String = "",
    arguments: [CommandArgument] = [], options: [CommandOption] = []
  ) {
    self.program = program
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.arguments = arguments
    self.options = options
  }

  /// The command as typed to run it: `convnet train`.
  package var invocation: String {
    "\(program) \(name)"
  }

  /// The option called `name`, or nil when there is none.
  package func option(_ name: String) -> CommandOption? {
    options.first { $0.name == name }
  }
}

/// The commands of a program.
package struct CommandList: Equatable, Sendable {
  /// The name of the program.
  package let program: String
  /// What it does, in a few words.
  package let summary: String
  /// The commands, in the order of the help.
  package let commands: [CommandDescription]

  /// A list of `commands`.
  package init(program: String, summary: String, commands: [CommandDescription]) {
    self.program = program
    self.summary = summary
    self.commands = commands
  }

  /// The command that is called `name`.
  ///
  /// - Throws: `UsageError` with the nearest name for anything else.
  package func command(_ name: String?) throws(UsageError) -> CommandDescription {
    guard let name else { throw UsageError(.noCommand, command: program) }
    if let command = commands.first(where: { $0.name == name }) { return command }
    let near = nearest(name, in: commands.map(\.name))
    throw UsageError(.unknownCommand(name: name, nearest: near), command: program)
  }
}

extension CommandDescription {
  /// The help of the command: usage, what it does, arguments and options, in lines of at most
  /// `width` characters.
  package func help(width: Int = 80) -> String {
    var blocks = ["Usage: \(usage)", paragraphs(summary, width: width)]
    if !discussion.isEmpty { blocks.append(paragraphs(discussion, width: width)) }
    let argumentRows = arguments.map { ($0.name, $0.help) }
    let helpRow = ("-h, --help", "Show this help.")
    let labels = argumentRows.map(\.0) + options.map { label($0) } + [helpRow.0]
    let column = columnWidth(labels)
    if !arguments.isEmpty {
      blocks.append("Arguments:\n" + table(argumentRows, column: column, width: width))
    }
    for group in groups where !group.isEmpty {
      blocks.append("\(group):\n" + table(rows(group), column: column, width: width))
    }
    blocks.append("Options:\n" + table(rows("") + [helpRow], column: column, width: width))
    return blocks.joined(separator: "\n\n")
  }

  /// The form of a command line: `convnet train MODEL [options]`.
  package var usage: String {
    let places = arguments.map { argument in
      switch argument.count {
      case .one: argument.name
      case .optional: "[\(argument.name)]"
      case .many: "\(argument.name)..."
      case .any: "[\(argument.name)...]"
      }
    }
    return ([invocation] + places + ["[options]"]).joined(separator: " ")
  }

  /// The headings in the order of their first options.
  private var groups: [String] {
    options.map(\.group).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private func rows(_ group: String) -> [(String, String)] {
    options.filter { $0.group == group }.map { (label($0), description($0)) }
  }

  private func label(_ option: CommandOption) -> String {
    option.kind == .flag ? "--\(option.name)" : "--\(option.name) \(option.placeholder)"
  }

  private func description(_ option: CommandOption) -> String {
    var text = option.help
    if case .choice(let choices) = option.kind {
      text += " One of \(choices.joined(separator: ", "))."
    }
    if let value = option.defaultText { text += " (default: \(value))" }
    return text
  }
}

extension CommandList {
  /// The help of the program: its usage and the list of commands, in lines of at most `width`
  /// characters.
  package func help(width: Int = 80) -> String {
    let rows = commands.map { ($0.name, $0.summary) }
    return """
      Usage: \(program) COMMAND [options]

      \(paragraphs(summary, width: width))

      Commands:
      \(table(rows, column: columnWidth(rows.map(\.0)), width: width))

      '\(program) COMMAND --help' tells more of a command.
      """
  }
}

/// The width of the left column for `labels`: the longest that is not excessive, and the margins.
private func columnWidth(_ labels: [String]) -> Int {
  let longest = 26
  let fitting = labels.map(\.count).filter { $0 <= longest }
  return (fitting.max() ?? longest) + 4
}

/// Rows of a label and a text behind it, the texts aligned; a label that is too long for its
/// column has a line of its own.
private func table(_ rows: [(String, String)], column: Int, width: Int) -> String {
  var lines: [String] = []
  let indent = String(repeating: " ", count: column)
  for (label, text) in rows {
    var texts = wrapped(text, width: width - column)[...]
    var first = "  \(label)"
    if first.count + 2 <= column, let text = texts.popFirst() {
      first += String(repeating: " ", count: column - first.count) + text
    }
    lines.append(first)
    lines += texts.map { indent + $0 }
  }
  return lines.joined(separator: "\n")
}

/// `text` with its paragraphs wrapped; lines that begin with a space stay as they are.
private func paragraphs(_ text: String, width: Int) -> String {
  var lines: [String] = []
  var paragraph: [Substring] = []
  func endParagraph() {
    lines += wrapped(paragraph.joined(separator: " "), width: width)
    paragraph = []
  }
  for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
    if line.isEmpty || line.hasPrefix(" ") {
      endParagraph()
      lines.append(String(line))
    } else {
      paragraph.append(line)
    }
  }
  endParagraph()
  return lines.joined(separator: "\n")
}

/// The words of `text` in lines of at most `width` characters; a longer word has its own line.
private func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if line.isEmpty {
      line = String(word)
    } else if line.count + 1 + word.count <= width {
      line += " \(word)"
    } else {
      lines.append(line)
      line = String(word)
    }
  }
  return line.isEmpty ? lines : lines + [line]
}

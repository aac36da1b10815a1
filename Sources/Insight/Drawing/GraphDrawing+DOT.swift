extension GraphDrawing {
  /// The drawing in the language of Graphviz: clusters for blocks, colours by family, details as tooltips.
  ///
  /// - Parameter costs: whether boxes say multiply-accumulates and bytes.
  public func dot(costs: Bool = false) -> String {
    var text = "digraph {\n"
    text += "  label=\(quotedDOT(title)); labelloc=t; fontname=\"Helvetica\";\n"
    text +=
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n"
      + "  edge [color=\"#5d6673\", arrowsize=0.7];\n"
    let names = frameNames
    func write(_ block: [String], indent: String) {
      for (index, box) in boxes.enumerated() where box.blocks == block {
        text += "\(indent)\(node(index, costs: costs))\n"
      }
      for (place, name) in names.names.enumerated() where Array(name.dropLast()) == block {
        let full = name.joined(separator: ".")
        let label = (blockRepeats[full] ?? 1) > 1 ? "\(full) x\(blockRepeats[full]!)" : full
        text += "\(indent)subgraph cluster_\(place) {\n"
        text +=
          "\(indent)  label=\(quotedDOT(label)); style=rounded; color=\"#c3cad4\"; bgcolor=\"#f5f7f9\";\n"
        write(name, indent: indent + "  ")
        text += "\(indent)}\n"
      }
    }
    write([], indent: "  ")
    for edge in edges { text += "  n\(edge.from) -> n\(edge.to);\n" }
    return text + "}\n"
  }

  private func node(_ index: Int, costs: Bool) -> String {
    let box = boxes[index]
    var lines: [String] = []
    if !box.shortPath.isEmpty {
      lines.append(box.repeats > 1 ? "\(box.shortPath) x\(box.repeats)" : box.shortPath)
    }
    lines += box.lines + box.figures(costs: costs)
    let color = Self.colors.first { $0.family == box.family }!
    return "n\(index) [label=\(quotedDOT(lines.joined(separator: "\n"))),"
      + " tooltip=\(quotedDOT(box.tip)), fillcolor=\"\(color.fill)\", color=\"\(color.line)\"];"
  }
}

/// `text` as a string of Graphviz, its lines one below the other.
private func quotedDOT(_ text: String) -> String {
  var result = "\""
  for character in text.unicodeScalars {
    switch character {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    default: if character.value >= 32 { result.unicodeScalars.append(character) }
    }
  }
  return result + "\""
}

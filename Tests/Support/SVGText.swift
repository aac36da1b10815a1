import TapestryPictures

extension String {
  /// How often a text occurs.
  public func components(of text: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: text) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}

/// Whether tags are closed in the order in which they were opened.
public func isWellFormed(_ text: String) -> Bool {
  var open: [Substring] = []
  var rest = text[...]
  while let start = rest.firstIndex(of: "<") {
    guard let end = rest[start...].firstIndex(of: ">") else { return false }
    let tag = rest[rest.index(after: start)..<end]
    rest = rest[rest.index(after: end)...]
    if tag.hasSuffix("/") { continue }
    if tag.hasPrefix("/") {
      guard open.popLast() == tag.dropFirst() else { return false }
    } else {
      guard tag.filter({ $0 == "\"" }).count % 2 == 0 else { return false }
      open.append(tag.prefix { $0 != " " && $0 != "\n" })
    }
  }
  return open.isEmpty
}

/// What a text of an SVG document covers, roughly: from the base line up, as wide as its letters.
public struct TextBox: CustomStringConvertible {
  public let text: String
  public let left: Double
  public let right: Double
  public let top: Double
  public let bottom: Double

  public var description: String { "\(text) at \(left), \(bottom)" }

  /// Whether both cover a place.
  public func overlaps(_ other: TextBox) -> Bool {
    left < other.right && other.left < right && top < other.bottom && other.top < bottom
  }
}

/// The texts of an SVG document that has no transforms.
public func textBoxes(inSVG document: String) -> [TextBox] {
  document.matches(of: /<text ([^>]*)>([^<]*)<\/text>/).compactMap { match in
    var attributes: [Substring: Substring] = [:]
    for attribute in match.output.1.matches(of: /([a-z-]+)="([^"]*)"/) {
      attributes[attribute.output.1] = attribute.output.2
    }
    guard let x = attributes["x"].flatMap({ Double($0) }),
      let y = attributes["y"].flatMap({ Double($0) }),
      let size = attributes["font-size"].flatMap({ Double($0) })
    else { return nil }
    let text = String(match.output.2)
    let width = textWidth(text, size: size, isBold: attributes["font-weight"] != nil)
    let share = ["middle": 0.5, "end": 1][attributes["text-anchor"] ?? "start"] ?? 0
    return TextBox(
      text: text, left: x - share * width, right: x + (1 - share) * width, top: y - 0.73 * size,
      bottom: y)
  }
}

/// Pairs of texts that lie on one another.
public func collisions(inSVG document: String) -> [String] {
  let boxes = textBoxes(inSVG: document)
  return boxes.indices.flatMap { index in
    boxes[(index + 1)...].filter { boxes[index].overlaps($0) }.map { "\(boxes[index]); \($0)" }
  }
}

/// The elements of an SVG document that are drawn and have no plain colours of their own, and everything that needs
/// custom properties.
public func elementsWithoutPlainColors(inSVG document: String) -> [String] {
  var wrong = document.matches(of: /[^;{"]*var\(--[a-z]+\)/).map { String($0.output) }
  for match in document.matches(of: /<(rect|text|path|polyline|circle)[ >][^>]*>/) {
    let element = String(match.output.0)
    guard let fill = element.firstMatch(of: /\ fill="([^"]*)"/)?.output.1 else {
      wrong.append(element)
      continue
    }
    for color in [fill] + element.matches(of: /\ stroke="([^"]*)"/).map(\.output.1)
    where color != "none" && color.wholeMatch(of: /#[0-9a-f]{6}|rgb\(\d+,\d+,\d+\)/) == nil {
      wrong.append(element)
    }
  }
  return wrong
}

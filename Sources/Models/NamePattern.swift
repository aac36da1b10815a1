import TapestryFiles

/// A pattern for dotted names, such as `features.*` or `layer4.*.weight`.
///
/// `*` stands for any text, dots included. A pattern also stands for everything below the names it matches:
/// `layer1` for `layer1.0.conv1.weight`, but not for `layer10.0.conv1.weight`.
public struct NamePattern: Sendable, Equatable, ExpressibleByStringLiteral, CustomStringConvertible
{
  /// The pattern as it was written.
  public let description: String
  /// The texts around the stars.
  private let pieces: [Substring]

  public init(_ text: String) {
    description = text
    pieces = text.split(separator: "*", omittingEmptySubsequences: false)
  }

  public init(stringLiteral text: String) { self.init(text) }

  /// The number of stars.
  var starCount: Int { pieces.count - 1 }

  /// Whether the pattern stands for `name`: it matches all of it, or the part before one of its dots.
  public func matches(_ name: String) -> Bool {
    if captures(in: name[...]) != nil { return true }
    return name.indices.contains { name[$0] == "." && captures(in: name[..<$0]) != nil }
  }

  /// What the stars stand for when the pattern is to match all of `name`, each as little as possible; or `nil`.
  func captures(in name: Substring) -> [Substring]? {
    guard starCount > 0 else { return name == pieces[0] ? [] : nil }
    guard name.hasPrefix(pieces[0]) else { return nil }
    var rest = name.dropFirst(pieces[0].count)
    var captures: [Substring] = []
    for piece in pieces.dropFirst().dropLast() {
      guard !piece.isEmpty else {
        captures.append(rest.prefix(0))
        continue
      }
      guard let range = rest.firstRange(of: piece) else { return nil }
      captures.append(rest[..<range.lowerBound])
      rest = rest[range.upperBound...]
    }
    let last = pieces[starCount]
    guard rest.hasSuffix(last) else { return nil }
    return captures + [rest.dropLast(last.count)]
  }

  /// The pattern's text with these texts in the places of its stars.
  func filled(with captures: [Substring]) -> String {
    zip(captures, pieces.dropFirst()).reduce(String(pieces[0])) { $0 + $1.0 + $1.1 }
  }
}

/// A name or a pattern that stands for nothing in a model.
public struct UnknownName: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was asked for, each with the nearest names that exist.
  public let problems: [String]

  public var description: String { problems.joined(separator: "\n") }

  init(problems: [String]) { self.problems = problems }

  /// - Parameters:
  ///   - what: what was looked for: `layer`.
  ///   - names: what was asked for.
  ///   - existing: what there is.
  init(_ what: String, _ names: [String], among existing: [String]) {
    problems = names.map {
      "no \(what) of this model is called \"\($0)\"; \(Self.suggestion(for: $0, among: existing))"
    }
  }

  /// - Parameter existing: what the patterns were compared with.
  init(patterns: [NamePattern], among existing: [String]) {
    problems = patterns.map {
      let text = $0.description
      return "\"\(text)\" matches no name of this model; "
        + Self.suggestion(for: text, among: existing)
    }
  }

  /// The names nearest to one that does not exist, or the first that do. Compared level by level, so that
  /// `feature.*` leads to `features.0.weight`.
  private static func suggestion(for name: String, among existing: [String]) -> String {
    if existing.isEmpty { return "it has none" }
    if let near = nearest(name, in: existing) { return "did you mean \"\(near)\"?" }
    let asked = name.split(separator: ".")
    var place = ""
    for (level, part) in asked.enumerated() {
      let below = existing.filter { place.isEmpty || $0.hasPrefix(place + ".") }
        .compactMap { $0.split(separator: ".").dropFirst(level).first.map(String.init) }
      let parts = below.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      if parts.isEmpty { break }
      guard parts.contains(String(part)) else {
        let known = place.isEmpty ? "" : place + "."
        if let near = nearest(String(part), in: parts) {
          let rest = asked.dropFirst(level + 1).map { "." + $0 }.joined()
          return "did you mean \"\(known)\(near)\(rest)\"?"
        }
        return "there is " + listed(parts.map { known + $0 })
      }
      place = place.isEmpty ? String(part) : "\(place).\(part)"
    }
    return "there is " + listed(existing)
  }

  private static func listed(_ names: [String]) -> String {
    let shown = 12
    let text = names.prefix(shown).joined(separator: ", ")
    return names.count > shown ? "\(text) and \(names.count - shown) more" : text
  }
}

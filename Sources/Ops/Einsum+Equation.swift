import TapestryGraph

// What an einsum equation says about the axes of its operands.

/// The labels of operands and result. A label is a letter's ASCII code; the axes of an ellipsis are numbers, from the right.
struct EinsumEquation {
  private(set) var operands: [[UInt8]] = []
  private(set) var result: [UInt8] = []
  /// For each operand, which of its axes have size 1.
  private var narrow: [[Bool]] = []
  /// The size of each label, by its number.
  private(set) var sizes = [Int](repeating: 1, count: 128)

  init(_ text: String, _ shapes: [TensorShape]) throws(Misuse) {
    let plain = text.filter { $0 != " " }
    let sides = plain.split(separator: "->", omittingEmptySubsequences: false)
    guard sides.count <= 2 else { throw Misuse("`\(text)` has more than one ->") }
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    guard terms.count == shapes.count else {
      throw Misuse(
        "`\(text)` names \(counted(terms.count, "operand")), but there \(shapes.count == 1 ? "is" : "are")"
          + " \(shapes.count)")
    }
    var widest = 0
    for (index, term) in terms.enumerated() {
      let shape = shapes[index]
      let parts = try Self.parts(term)
      // In range: lengths of a text and of a shape.
      let named = parts.before.count + parts.after.count
      // In range: likewise.
      let hidden = shape.rank - named
      guard parts.hasEllipsis ? hidden >= 0 : hidden == 0 else {
        throw Misuse(
          "operand \(index), `\(term)`, names \(counted(named, "axis", "axes")), but has \(shape.rank): \(shape)"
        )
      }
      widest = max(widest, hidden)
      let labels = [parts.before, Self.ellipsis(hidden), parts.after].flatMap { $0 }
      try note(labels, shape, index)
      operands.append(labels)
      narrow.append(shape.map { $0 == 1 })
    }
    if sides.count == 2 {
      let parts = try Self.parts(sides[1])
      let hidden = parts.hasEllipsis ? Self.ellipsis(widest) : []
      result = [parts.before, hidden, parts.after].flatMap { $0 }
    } else {
      let all = operands.flatMap { $0 }.filter { $0 >= 65 }
      let single = all.filter { label in all.count { $0 == label } == 1 }.sorted()
      result = [Self.ellipsis(widest), single].flatMap { $0 }
    }
    for (place, label) in result.enumerated() {
      guard !result[..<place].contains(label) else {
        throw Misuse("`\(text)` names \(Character(UnicodeScalar(label))) twice in the result")
      }
      guard operands.contains(where: { $0.contains(label) }) else {
        throw Misuse(
          "`\(text)` names \(Character(UnicodeScalar(label))) in the result, but in no operand")
      }
    }
  }

  /// The labels of so many axes under an ellipsis.
  private static func ellipsis(_ count: Int) -> [UInt8] { (0..<UInt8(count)).reversed() }

  private struct Parts {
    var before: [UInt8] = []
    var hasEllipsis = false
    var after: [UInt8] = []
  }

  private static func parts(_ term: Substring) throws(Misuse) -> Parts {
    var parts = Parts()
    var rest = term
    while let letter = rest.first {
      if rest.hasPrefix("...") {
        guard !parts.hasEllipsis else { throw Misuse("`\(term)` has more than one ellipsis") }
        parts.hasEllipsis = true
        rest.removeFirst(3)
        continue
      }
      guard letter.isASCII, letter.isLetter, let code = letter.asciiValue else {
        throw Misuse("`\(letter)` in `\(term)` is no letter; axes are named by a-z and A-Z")
      }
      if parts.hasEllipsis { parts.after.append(code) } else { parts.before.append(code) }
      rest.removeFirst()
    }
    return parts
  }

  /// The labels that an operand takes part with: those along which it is not repeated.
  func contracted(_ operand: Int) -> Set<UInt8> {
    let labels = operands[operand]
    return Set(
      labels.indices.filter { !narrow[operand][$0] || sizes[Int(labels[$0])] == 1 }.map {
        labels[$0]
      })
  }

  /// Sizes of one label agree; 1 agrees with everything between operands, and is repeated.
  private mutating func note(
    _ labels: [UInt8], _ shape: TensorShape, _ operand: Int
  ) throws(Misuse) {
    for (axis, label) in labels.enumerated() {
      let (known, size) = (sizes[Int(label)], shape[axis])
      let name = label < 65 ? "an axis of the ellipsis" : "\(Character(UnicodeScalar(label)))"
      if let first = labels[..<axis].firstIndex(of: label), shape[first] != size {
        throw Misuse(
          "\(name) stands for axes of sizes \(shape[first]) and \(size) of operand \(operand)")
      }
      guard known == size || known == 1 || size == 1 else {
        throw Misuse("\(name) has size \(known), but \(size) in operand \(operand), \(shape)")
      }
      if size != 1 { sizes[Int(label)] = size }
    }
  }
}

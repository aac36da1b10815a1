import TapestryFiles

extension Augmentation {
  /// The steps written in `text`: `crop:4,flip,cutout:8`.
  ///
  /// Commas separate steps; colons separate a step's name and its arguments, of which those in brackets may be left
  /// out; `H` x `W` is a size as in `32x32`, one number a square:
  ///
  /// ``grammar``
  ///
  /// The empty text has no steps.
  /// - Throws: `AugmentationError` with every step that is not understood.
  public init(_ text: String) throws(AugmentationError) {
    var steps: [Transform] = []
    var problems: [String] = []
    if !text.allSatisfy(\.isWhitespace) {
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        var reader = TransformReader(String(part))
        if let step = reader.transform() { steps.append(step) }
        problems += reader.problems
      }
    }
    guard problems.isEmpty else { throw AugmentationError(problems, showsGrammar: true) }
    self.init(steps)
  }

  /// How steps are written, a line each.
  public static var grammar: [String] {
    [
      "pad:N[:MODE[:FILL]]  on each side; MODE is constant, edge or reflect",
      "crop:N[:MODE]  pads by N, then cuts a random part of the former size",
      "random-crop:HxW  a random part",
      "center-crop:HxW  the middle",
      "resized-crop:HxW[:LOW[:HIGH]]  a random share of the area (0.08 to 1)",
      "resize:HxW[:METHOD]  METHOD is nearest, bilinear or area",
      "flip[:P]  left to right, with probability P (0.5)",
      "flip-vertical[:P]  top to bottom, with probability P (0.5)",
      "rotate:DEGREES  by up to this angle to either side",
      "translate:SHARE  by up to this share of the size in any direction",
      "scale:LOW:HIGH  by a factor in this range",
      "shear:DEGREES  by up to this angle to either side",
      "jitter:BRIGHTNESS[:CONTRAST[:SATURATION[:HUE]]]  by up to these shares",
      "grayscale[:P]  without colours, with probability P (1)",
      "normalize:MEAN:DEVIATION  shifted and scaled",
      "cutout:N[:FILL[:P]]  covers a square, with probability P (1)",
      "mixup[:ALPHA]  mixed with another image (0.2)",
      "cutmix[:ALPHA]  a part of another image put in (1)",
    ]
  }
}

extension Augmentation: CustomStringConvertible {
  /// The steps as ``init(_:)`` reads them.
  public var description: String { steps.map(\.description).joined(separator: ",") }
}

extension AugmentationError: CustomStringConvertible {
  /// What is wrong, and where a step is not understood, all that there are.
  public var description: String {
    let found = "augmentation: \(listing(problems))"
    guard showsGrammar else { return found }
    return found + "\nSteps, with commas between them:\n"
      + Augmentation.grammar.map { "  \($0)" }.joined(separator: "\n")
  }
}

extension Transform: CustomStringConvertible {
  /// The step as ``Augmentation/init(_:)`` reads it.
  public var description: String {
    switch self {
    case .pad(let side, let mode, let fill):
      "pad:\(side):\(mode.rawValue):\(short(fill))"
    case .crop(let side, let mode): "crop:\(side)" + (mode == .constant ? "" : ":\(mode.rawValue)")
    case .randomCrop(let height, let width): "random-crop:\(height)x\(width)"
    case .centerCrop(let height, let width): "center-crop:\(height)x\(width)"
    case .resizedCrop(let height, let width, let area):
      "resized-crop:\(height)x\(width):\(short(area.lowerBound)):\(short(area.upperBound))"
    case .resize(let height, let width, let method):
      "resize:\(height)x\(width)" + (method.map { ":\($0.rawValue)" } ?? "")
    case .flip(let probability): "flip:\(short(probability))"
    case .flipVertically(let probability): "flip-vertical:\(short(probability))"
    case .rotate(let degrees): "rotate:\(short(degrees))"
    case .translate(let share): "translate:\(short(share))"
    case .scale(let range): "scale:\(short(range.lowerBound)):\(short(range.upperBound))"
    case .shear(let degrees): "shear:\(short(degrees))"
    case .jitter(let brightness, let contrast, let saturation, let hue):
      "jitter:\(short(brightness)):\(short(contrast)):\(short(saturation)):\(short(hue))"
    case .grayscale(let probability): "grayscale:\(short(probability))"
    case .normalize(let mean, let deviation): "normalize:\(short(mean)):\(short(deviation))"
    case .cutout(let side, let fill, let probability):
      "cutout:\(side):\(short(fill)):\(short(probability))"
    case .mixup(let alpha): "mixup:\(short(alpha))"
    case .cutmix(let alpha): "cutmix:\(short(alpha))"
    case .custom(let transform): transform.name
    }
  }

  private func short(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

/// Reads one step.
private struct TransformReader {
  private(set) var problems: [String] = []
  private let text: String
  private let name: String
  private var arguments: ArraySlice<String>

  /// The names of all steps.
  private static var names: [String] {
    Augmentation.grammar.map { line in
      String(line.prefix { $0 != ":" && $0 != "[" && $0 != " " })
    }
  }

  init(_ text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false).map { word in
      String(word.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
    self.text = words.joined(separator: ":")
    name = words.first ?? ""
    arguments = words.dropFirst()
  }

  mutating func transform() -> Transform? {
    guard let step = known() else { return nil }
    if let surplus = arguments.first { note("'\(surplus)' is more than '\(name)' takes") }
    // The first problem with the arguments is enough; a made-up value in its place would cause others.
    guard problems.isEmpty else { return nil }
    if let problem = step.argumentProblem { note(problem) }
    return problems.isEmpty ? step : nil
  }

  private mutating func note(_ problem: String) {
    problems.append("'\(quotable(text))': \(problem)")
  }

  private func quotable(_ text: String) -> String { String(text.prefix(60)) }

  private mutating func known() -> Transform? {
    switch name {
    case "pad":
      return .pad(
        whole("N"), mode: choice(otherwise: .constant), fill: number("FILL", otherwise: 0))
    case "crop": return .crop(padding: whole("N"), mode: choice(otherwise: .constant))
    case "random-crop":
      let size = size()
      return .randomCrop(height: size.height, width: size.width)
    case "center-crop":
      let size = size()
      return .centerCrop(height: size.height, width: size.width)
    case "resized-crop":
      let size = size()
      let low = number("LOW", otherwise: 0.08)
      return .resizedCrop(
        height: size.height, width: size.width, area: range(low, number("HIGH", otherwise: 1)))
    case "resize":
      let size = size()
      let method: Resampling? = arguments.isEmpty ? nil : choice(otherwise: .area)
      return .resize(height: size.height, width: size.width, by: method)
    case "flip": return .flip(probability: number("P", otherwise: 0.5))
    case "flip-vertical": return .flipVertically(probability: number("P", otherwise: 0.5))
    case "rotate": return .rotate(degrees: number("DEGREES"))
    case "translate": return .translate(share: number("SHARE"))
    case "scale":
      let low = number("LOW")
      return .scale(range(low, number("HIGH")))
    case "shear": return .shear(degrees: number("DEGREES"))
    case "jitter":
      return .jitter(
        brightness: number("BRIGHTNESS"), contrast: number("CONTRAST", otherwise: 0),
        saturation: number("SATURATION", otherwise: 0), hue: number("HUE", otherwise: 0))
    case "grayscale": return .grayscale(probability: number("P", otherwise: 1))
    case "normalize": return .normalize(mean: number("MEAN"), deviation: number("DEVIATION"))
    case "cutout":
      return .cutout(
        side: whole("N"), fill: number("FILL", otherwise: 0), probability: number("P", otherwise: 1)
      )
    case "mixup": return .mixup(alpha: number("ALPHA", otherwise: 0.2))
    case "cutmix": return .cutmix(alpha: number("ALPHA", otherwise: 1))
    default:
      let near = nearest(name, in: Self.names).map { " (did you mean '\($0)'?)" } ?? ""
      note(
        name.isEmpty
          ? "a step is missing between commas" : "there is no step '\(quotable(name))'\(near)")
      return nil
    }
  }

  private mutating func range(_ low: Double, _ high: Double) -> ClosedRange<Double> {
    if low <= high { return low...high }
    note("the range \(low) to \(high) is empty")
    return low...low
  }

  private mutating func whole(_ placeholder: String) -> Int {
    guard let word = arguments.popFirst() else {
      note("\(placeholder) is missing")
      return 1
    }
    if let value = Int(word), (0...65535).contains(value) { return value }
    note("\(placeholder) is '\(quotable(word))', but must be a whole number from 0 to 65535")
    return 1
  }

  private mutating func number(_ placeholder: String, otherwise: Double? = nil) -> Double {
    guard let word = arguments.popFirst() else {
      if otherwise == nil { note("\(placeholder) is missing") }
      return otherwise ?? 1
    }
    if let value = Double(word), value.isFinite { return value }
    note("\(placeholder) is '\(quotable(word))', but must be a number")
    return otherwise ?? 1
  }

  private mutating func size() -> (height: Int, width: Int) {
    guard let word = arguments.popFirst() else {
      note("the size HxW is missing")
      return (1, 1)
    }
    guard let size = parseSize(word) else {
      note("the size is '\(quotable(word))', but must be like 32x32 or 32, of 1 to 65535")
      return (1, 1)
    }
    return size
  }

  private mutating func choice<Choice: RawRepresentable & CaseIterable>(
    otherwise: Choice
  ) -> Choice where Choice.RawValue == String {
    guard let word = arguments.popFirst() else { return otherwise }
    if let choice = Choice(rawValue: word) { return choice }
    let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    note("'\(quotable(word))' is none of \(choices)")
    return otherwise
  }
}

/// Height and width in a text like `32x48`, or `32` for a square; `nil` when it is no size of 1 ... 65535.
package func parseSize(_ text: String) -> (height: Int, width: Int)? {
  let words = text.split(separator: "x", omittingEmptySubsequences: false)
  let numbers = words.compactMap { Int($0) }.filter { (1...65535).contains($0) }
  guard numbers.count == words.count, (1...2).contains(numbers.count) else { return nil }
  return (numbers[0], numbers[numbers.count - 1])
}

extension Transform {
  /// What is wrong with the numbers of a step, if anything.
  var argumentProblem: String? {
    func require(_ isGood: Bool, _ rule: String) -> String? { isGood ? nil : "\(self): \(rule)" }
    let shares = 0.0...1
    switch self {
    case .pad(let side, _, _): return require((0...65535).contains(side), "0 to 65535 pixels")
    case .crop(let side, _): return require((0...65535).contains(side), "0 to 65535 pixels")
    case .randomCrop(let height, let width), .centerCrop(let height, let width),
      .resize(let height, let width, _):
      return require(
        (1...65535).contains(height) && (1...65535).contains(width), "sizes are 1 to 65535 pixels")
    case .resizedCrop(let height, let width, let area):
      return require(
        (1...65535).contains(height) && (1...65535).contains(width) && area.lowerBound > 0
          && area.upperBound <= 1, "sizes are 1 to 65535 pixels, shares of the area 0 to 1")
    case .flip(let probability), .flipVertically(let probability), .grayscale(let probability):
      return require(shares.contains(probability), "a probability is from 0 to 1")
    case .rotate(let degrees):
      return require((0...180).contains(degrees), "an angle is from 0 to 180 degrees")
    case .shear(let degrees):
      return require((0...80).contains(degrees), "an angle is from 0 to 80 degrees")
    case .translate(let share): return require(shares.contains(share), "a share is from 0 to 1")
    case .scale(let range):
      return require(
        range.lowerBound >= 0.01 && range.upperBound <= 100, "factors are from 0.01 to 100")
    case .jitter(let brightness, let contrast, let saturation, let hue):
      return require(
        [brightness, contrast, saturation].allSatisfy((0...100).contains)
          && (0...0.5).contains(hue),
        "brightness, contrast and saturation are at least 0, and the hue from 0 to 0.5")
    case .normalize(let mean, let deviation):
      return require(mean.isFinite && deviation > 0, "the deviation is greater than 0")
    case .cutout(let side, let fill, let probability):
      return require(
        (1...65535).contains(side) && shares.contains(probability) && fill.isFinite,
        "a side is 1 to 65535 pixels, a probability from 0 to 1")
    case .mixup(let alpha), .cutmix(let alpha):
      return require((0.001...1000).contains(alpha), "alpha is from 0.001 to 1000")
    case .custom: return nil
    }
  }
}

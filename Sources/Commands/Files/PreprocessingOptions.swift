import TapestryDatasets
import TapestryFiles
import TapestryGraph

/// What the command line says about classes and pixels, for weights that do not say it themselves.
struct PreprocessingOptions {
  /// The options, each with the type of its value.
  enum Options {
    static let classes: Option<String?> = .string(
      "classes", "FILE",
      help: "A file with the name of a class on each line. (default: what the weights say)")
    static let size: Option<String?> = .string(
      "size", "HxW[:FIT]",
      help:
        "The size that images are brought to; FIT is fill (cuts what is too long), fit (pads with black) or "
        + "stretch. (default: what the weights say)")
    static let mean: Option<[String]> = .list(
      "mean", "M,M,...",
      help:
        "What is subtracted from each channel, black being 0 and white 1. (default: what the weights say)"
    )
    static let deviation: Option<[String]> = .list(
      "deviation", "D,D,...",
      help: "What each channel is divided by then. (default: what the weights say)")
  }

  static let options: [CommandOption] = declared(
    Options.classes, Options.size, Options.mean, Options.deviation)

  private let classes: String?
  private let resize: ImageResize?
  private let mean: [String]
  private let deviation: [String]

  init(_ arguments: ParsedArguments) throws {
    classes = arguments[Options.classes]
    resize = try ImageResize(arguments, Options.size)
    mean = arguments[Options.mean]
    deviation = arguments[Options.deviation]
  }

  /// Puts what the command line says into `description`.
  ///
  /// - Throws: `FileError` for the file of names, ``CommandError`` for numbers that do not suit the net.
  func complete(_ description: inout WeightsDescription) throws {
    if let classes {
      description.classNames = try Self.names(in: classes, count: description.classes)
    }
    if let resize { description.resize = resize }
    let old = description.normalization
    description.normalization = Normalization(
      mean: try numbers("mean", mean, description.channels) ?? old.mean,
      deviation: try numbers("deviation", deviation, description.channels) ?? old.deviation)
  }

  /// A number for each channel; `nil` where none are given.
  private func numbers(
    _ name: String, _ texts: [String], _ channels: Int
  ) throws(CommandError) -> [Double]? {
    if texts.isEmpty { return nil }
    let numbers = texts.compactMap { Double($0) }.filter(\.isFinite)
    let isGood = numbers.count == texts.count && numbers.count == channels
    guard isGood, name == "mean" || numbers.allSatisfy({ $0 > 0 }) else {
      throw CommandError(
        "'--\(name)' is '\(texts.joined(separator: ","))', but must be a number for each of the "
          + "\(counted(channels, "channel")) that the net takes"
          + (name == "mean" ? "" : ", greater than 0"))
    }
    return numbers
  }

  /// The lines of a file, which must be as many as the net has classes.
  private static func names(in path: String, count: Int) throws -> [String] {
    let limit = 64 << 20
    let bytes = try readPossiblyCompressed(path, limit: limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        path: path,
        cause: .malformed(format: "names of classes", problems: ["the text is not UTF-8"]))
    }
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.count == count else {
      throw FileError(
        path: path,
        cause: .malformed(
          format: "names of classes",
          problems: [
            "there are \(counted(lines.count, "line")), but the net has \(counted(count, "class")): "
              + "give a name on each line"
          ]))
    }
    return lines.map { printable(String($0)) }
  }
}

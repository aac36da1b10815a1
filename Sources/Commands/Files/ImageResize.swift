import TapestryDatasets

/// The size that images of all proportions are brought to, and how: `64x48:fit` as a text.
struct ImageResize: Equatable {
  let height: Int
  let width: Int
  let fit: ImageFit

  static let option: Option<String?> = .string(
    "size", "HxW[:FIT]",
    help:
      "Resizes all images; FIT is fill (cuts what is too long), fit (pads with black) or stretch. "
      + "(default: fill; without --size images must have one size)")

  init(height: Int, width: Int, fit: ImageFit) {
    self.height = height
    self.width = width
    self.fit = fit
  }

  /// The size in `text`; `nil` when it is none.
  init?(_ text: String) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard let size = parseSize(words[0]), words.count <= 2,
      let fit = words.count == 2 ? ImageFit(rawValue: words[1]) : .fill
    else { return nil }
    height = size.height
    width = size.width
    self.fit = fit
  }

  /// What `--size` says; `nil` without it.
  ///
  /// - Parameter option: how the command declares it.
  init?(_ arguments: ParsedArguments, _ option: Option<String?> = Self.option) throws {
    guard let text = arguments[option] else { return nil }
    guard let resize = ImageResize(text) else {
      throw arguments.misuse(
        "'--size' is '\(text)', but must be like 64x48, 64 or 64x48:fit, with fill, fit or stretch")
    }
    self = resize
  }

  /// The text that ``init(_:)`` reads.
  var text: String { "\(height)x\(width):\(fit.rawValue)" }
}

import TapestryDatasets

/// Where the images of a command come from.
enum DataSource: Equatable {
  /// The digits that are part of the program.
  case digits
  /// A folder.
  case folder(String)

  static let digitsName = "digits"

  /// What `--data` says; nothing, or `digits`, stands for the embedded digits.
  init(_ text: String?) {
    if let text, text != Self.digitsName { self = .folder(text) } else { self = .digits }
  }

  /// The option `--data`.
  static func option(help: String) -> CommandOption { .string("data", "DIR", help: help) }

  /// The folder; `nil` for the embedded digits.
  var path: String? {
    if case .folder(let path) = self { path } else { nil }
  }

  /// A name for messages and folders: `digits`, or that of the folder.
  var name: String {
    guard let last = path?.split(separator: "/").last else {
      return path == nil ? Self.digitsName : "data"
    }
    return last == "." || last == ".." ? "data" : String(last)
  }

  /// The images to learn from and those to test on.
  ///
  /// - Parameters:
  ///   - fraction: the share of the embedded digits that is held out; a folder says itself what the test images are.
  ///   - seed: chooses those.
  func load(
    heldOut fraction: Double, seed: UInt64
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    switch self {
    case .digits:
      let (training, heldOut) = ImageSet.digits.split(heldOut: fraction, seed: seed)
      return (training, heldOut)
    case .folder(let path):
      return try ImageSet.load(directory: path)
    }
  }
}

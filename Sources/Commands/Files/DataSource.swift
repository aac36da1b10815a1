import TapestryDatasets
import TapestryFiles

/// Where the images of a command come from.
enum DataSource: Equatable {
  /// The digits that are part of the program.
  case digits
  /// A folder or file.
  case folder(String)

  static let digitsName = "digits"

  /// What `--data` says; nothing, or `digits`, stands for the embedded digits.
  init(_ text: String?) {
    if let text, text != Self.digitsName { self = .folder(text) } else { self = .digits }
  }

  /// What `--data` accepts, for help texts.
  static let forms = """
    --data takes a folder of IDX files (named as MNIST's), of CIFAR-10 or CIFAR-100 (binary version), of images \
    (PNG, JPEG, PGM, PPM) in a folder for each class, or of train and test with such folders; or a table of \
    pixels (.csv: the class, then 0 to 255). Where nothing says what the test images are, a fifth of each class \
    is kept for the test.
    """

  /// The option `--data`.
  static func option(help: String) -> Option<String?> { .string("data", "DIR", help: help) }

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
  ///   - fraction: the share that is held out where the data does not say itself what the test images are.
  ///   - seed: chooses those.
  ///   - resize: the size that all images are brought to; `nil` keeps theirs.
  ///   - broken: what becomes of images that cannot be read.
  ///   - channels: of a net, so that the images of class folders become those; `nil` takes what they have.
  ///   - classNames: the classes of a net, so that class folders get its labels; `nil` takes the folders.
  func load(
    heldOut fraction: Double, seed: UInt64, resize: ImageResize? = nil,
    broken: BrokenImages = .refused, channels: Int? = nil, classNames: [String]? = nil
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    switch self {
    case .digits:
      var set = ImageSet.digits
      if let resize {
        do throws(ResourceError) {
          try set.requireMemory(height: resize.height, width: resize.width)
        } catch {
          throw DatasetError(path: Self.digitsName, problems: [.resources(error)])
        }
        set = set.resized(height: resize.height, width: resize.width, fit: resize.fit)
      }
      let (training, heldOut) = set.split(heldOut: fraction, seed: seed)
      return (training, heldOut)
    case .folder(let path):
      var options = LoadingOptions()
      options.heldOut = fraction
      options.seed = seed
      options.size = resize.map { ($0.height, $0.width) }
      options.fit = resize?.fit ?? .fill
      options.broken = broken
      options.channels = channels
      options.classNames = classNames
      return try ImageSet.load(from: path, options: options)
    }
  }
}

/// Why a JPEG image could not be read.
public enum JPEGError: Error, Equatable, Sendable {
  /// The library that decodes JPEG is not installed.
  case libraryMissing
  /// The library says that the data is damaged or of a kind it does not know; the words are its.
  case corrupt(reason: String)
  /// The header states more pixels than the caller allows.
  case tooManyPixels(width: Int, height: Int, limit: Int)
  /// The data is longer than the library takes.
  case tooLong(byteCount: Int)
}

extension JPEGError: CustomStringConvertible {
  /// What is wrong, and the remedy where there is one.
  public var description: String {
    switch self {
    case .libraryMissing:
      "cannot be read without the library libturbojpeg; install it"
        + " (Debian: apt-get install libturbojpeg0; Ubuntu: apt-get install libturbojpeg;"
        + " Fedora: dnf install turbojpeg; macOS: brew install jpeg-turbo), or convert the image to PNG"
    case .corrupt(let reason):
      "\(reason); copy or download the file again"
    case .tooManyPixels(let width, let height, let limit):
      "the header states \(width) x \(height) pixels, more than the \(limit) that are read at most"
    case .tooLong(let byteCount):
      "has \(byteCount) bytes, but at most \(Int32.max) are read"
    }
  }
}

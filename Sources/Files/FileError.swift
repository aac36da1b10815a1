#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What went wrong with one file: its path, and why it could not be read, understood or written.
///
/// The readers of single formats throw their own errors (`JSONError`, `GzipError`, ...) for bytes
/// that come from memory; for bytes that come from a file these arrive wrapped in a `FileError`.
public struct FileError: Error, Equatable, Sendable {
  /// The path as the caller gave it.
  public let path: String
  /// What is wrong.
  public let cause: Cause

  /// An error about the file at `path`.
  public init(path: String, cause: Cause) {
    self.path = path
    self.cause = cause
  }

  /// The kinds of trouble a file can make.
  public enum Cause: Equatable, Sendable {
    /// A call to the operating system failed: what was tried, and the `errno` that came back.
    case system(operation: String, code: Int32)
    /// The path names a directory where a file is needed.
    case isDirectory
    /// The path names a file where a directory is needed.
    case notDirectory
    /// The path names a device, a pipe or a socket where a regular file is needed.
    case notRegular
    /// Another process writes in the folder: its number, where it is known.
    case inUse(process: Int?)
    /// The file has more bytes than the caller allows.
    case tooLarge(byteCount: Int, limit: Int)
    /// The file ends before the bytes that were asked for.
    case tooShort(byteCount: Int, needed: Int)
    /// The file goes on after the end of its content, at this offset.
    case trailingBytes(offset: Int)
    /// The text is not JSON.
    case json(JSONError)
    /// The text to write has no form in JSON.
    case unwritableJSON(JSONWritingError)
    /// The compressed data is not intact.
    case gzip(GzipError)
    /// The file is not a portable graymap or pixmap.
    case image(PortableMapError)
    /// The file is not a PNG image that can be read.
    case png(PNGError)
    /// The file is not a JPEG image that can be read.
    case jpeg(JPEGError)
    /// The file is not a valid safetensors file, or would not be one.
    case safetensors(SafetensorsError)
    /// The bytes are not the messages of an ONNX file.
    case onnx(ProtocolBufferError)
    /// The content asks for more memory or arithmetic than is allowed.
    case resources(ResourceError)
    /// The content breaks another format's rules: the format's name and everything found.
    case malformed(format: String, problems: [String])
  }
}

extension FileError: CustomStringConvertible {
  /// The path, what is wrong, and where there is one, the remedy.
  public var description: String {
    "\(path.isEmpty ? "(empty path)" : path): \(cause)"
  }
}

extension FileError.Cause: CustomStringConvertible {
  /// What is wrong, without the path.
  public var description: String {
    switch self {
    case .system(let operation, let code):
      "cannot \(operation): \(String(cString: strerror(code)))\(Self.remedy(for: code))"
    case .isDirectory:
      "is a directory, but a file is needed; give the path of a file in it"
    case .notDirectory:
      "is a file, but a folder is needed; give the folder that it is in"
    case .notRegular:
      "is a device, pipe or socket, but a regular file is needed"
    case .inUse(let process):
      "is in use: another run writes there"
        + (process.map { " (process \($0))" } ?? "")
        + "; wait for its end, stop it, or choose another folder"
    case .tooLarge(let byteCount, let limit):
      "has \(byteCount) bytes, but at most \(limit) are expected here"
    case .tooShort(let byteCount, let needed):
      "ends after \(byteCount) bytes, but its content needs \(needed); "
        + "the file is truncated: copy or download it again"
    case .trailingBytes(let offset):
      "goes on after byte \(offset), where its content ends"
    case .json(let error):
      "is not valid JSON: \(error)"
    case .unwritableJSON(let error):
      "cannot be written as JSON: \(error)"
    case .gzip(let error):
      "gzip: \(error)"
    case .image(let error):
      "portable map: \(error)"
    case .png(let error):
      "PNG: \(error)"
    case .jpeg(let error):
      "JPEG: \(error)"
    case .safetensors(let error):
      "safetensors: \(error)"
    case .onnx(let error):
      "is not an ONNX file: \(error)"
    case .resources(let error):
      "\(error)"
    case .malformed(let format, let problems):
      "\(format): \(listing(problems))"
    }
  }

  private static func remedy(for code: Int32) -> String {
    switch code {
    case ENOENT: "; check the path"
    case EACCES, EPERM: "; check the permissions"
    case ENOSPC, EDQUOT: "; free some space and try again"
    case EFBIG: "; raise the limit on file sizes (ulimit -f)"
    case EMFILE, ENFILE: "; close some files or raise the limit (ulimit -n)"
    default: ""
    }
  }
}

/// `problems` as text: the only one on the same line, several counted and on a line each.
/// After the first twenty only the number of the others is said.
package func listing(_ problems: [String]) -> String {
  guard problems.count != 1 else { return problems[0] }
  let shown = 20
  var lines = ["\(problems.count) problems"]
  lines += problems.prefix(shown).map { "  \($0)" }
  if problems.count > shown {
    lines.append("  ... and \(problems.count - shown) more")
  }
  return lines.joined(separator: "\n")
}

/// `text` from a file, made safe for a message: quoted, control characters escaped, cut when long.
package func quoted(_ text: String) -> String {
  let longest = 80
  let cut = text.unicodeScalars.prefix(longest)
  guard cut.endIndex != text.unicodeScalars.endIndex else { return text.debugDescription }
  return String(cut).debugDescription + "..."
}

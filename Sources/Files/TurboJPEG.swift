#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The functions of libturbojpeg that are needed, looked up in the library where it is installed.
///
/// Nothing links against it: without it everything but JPEG works. The functions are those of its second
/// interface (`tjInitDecompress`, ...), which all versions since 1.2 have, 3.x too.
package struct TurboJPEG: Sendable {
  typealias Initialize = @convention(c) () -> UnsafeMutableRawPointer?
  typealias Destroy = @convention(c) (UnsafeMutableRawPointer?) -> Int32
  typealias Header =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, CUnsignedLong, UnsafeMutablePointer<Int32>?,
      UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?
    ) -> Int32
  typealias Decompress =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, CUnsignedLong, UnsafeMutablePointer<UInt8>?,
      Int32, Int32, Int32, Int32, Int32
    ) -> Int32
  typealias ErrorText = @convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<CChar>?

  let initialize: Initialize
  let destroy: Destroy
  let header: Header
  let decompress: Decompress
  let errorText: ErrorText

  /// The library of this system; `nil` where there is none.
  static let shared = TurboJPEG(libraries: names)

  /// What the library is called, in the order of trying.
  static var names: [String] {
    #if canImport(Darwin)
      let file = "libturbojpeg.0.dylib"
      return [
        file, "/opt/homebrew/lib/\(file)", "/usr/local/lib/\(file)", "/opt/local/lib/\(file)",
      ]
    #else
      return ["libturbojpeg.so.0", "libturbojpeg.so"]
    #endif
  }

  /// The functions in the first of these libraries that can be opened.
  package init?(libraries: [String]) {
    let flags = RTLD_NOW | RTLD_LOCAL
    guard let library = libraries.lazy.compactMap({ dlopen($0, flags) }).first,
      let initialize = dlsym(library, "tjInitDecompress"),
      let destroy = dlsym(library, "tjDestroy"),
      let header = dlsym(library, "tjDecompressHeader3"),
      let decompress = dlsym(library, "tjDecompress2"),
      let errorText = dlsym(library, "tjGetErrorStr2")
    else { return nil }
    self.initialize = unsafeBitCast(initialize, to: Initialize.self)
    self.destroy = unsafeBitCast(destroy, to: Destroy.self)
    self.header = unsafeBitCast(header, to: Header.self)
    self.decompress = unsafeBitCast(decompress, to: Decompress.self)
    self.errorText = unsafeBitCast(errorText, to: ErrorText.self)
  }

  /// The numbers of the library's header file.
  enum Code {
    static let colorspaceGray: Int32 = 2
    static let colorspaceCMYK: Int32 = 3
    static let colorspaceYCCK: Int32 = 4
    static let pixelsRGB: Int32 = 0
    static let pixelsGray: Int32 = 6
    static let pixelsCMYK: Int32 = 11
    /// Stops at the first warning: a truncated file is an error, not an image that is gray below.
    static let stopOnWarning: Int32 = 8192
    static let accurateDCT: Int32 = 4096
    /// Refuses images of more than 500 scans, each of which costs a pass over all pixels.
    static let limitScans: Int32 = 32768
  }
}

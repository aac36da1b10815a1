import TapestryFiles
import TapestryGraph

extension ImageSet {
  /// The image in one file, brought to a size as those of class folders are: PNG, JPEG, PGM or PPM. Its label, 0, says
  /// nothing.
  ///
  /// ```swift
  /// let photo = try ImageSet.load(image: "holiday.jpg", size: (64, 64), classNames: training.classNames)
  /// let batch = try photo.batch(of: [0], normalization: normalization)
  /// ```
  ///
  /// - Parameters:
  ///   - size: height and width. Default: those of the image.
  ///   - fit: how other proportions are treated. Default `fill`: the middle is cut out.
  ///   - channels: 1, where colours become their brightness, or 3, where gray is repeated. Default 3.
  ///   - classNames: the classes of the net that is to see it. Default: one without a name.
  /// - Precondition: `size` is positive, `channels` is 1 or 3, there is a class.
  /// - Throws: `FileError` when the file cannot be read.
  public static func load(
    image path: String, size: (height: Int, width: Int)? = nil, fit: ImageFit = .fill,
    channels: Int = 3, classNames: [String] = [""], file: StaticString = #fileID,
    line: UInt = #line
  ) throws(FileError) -> ImageSet {
    guard channels == 1 || channels == 3, !classNames.isEmpty,
      size.map({ $0.height > 0 && $0.width > 0 }) != false
    else {
      trap(
        "ImageSet.load(image:): 1 or 3 channels, a positive size and a class are needed",
        file: file, line: line)
    }
    let image = try RasterImage(contentsOf: path).opaque()
    let target = ImageSize(
      channels: channels, height: size?.height ?? image.height, width: size?.width ?? image.width)
    do throws(ResourceError) {
      try target.requireMemory(for: path)
    } catch {
      throw FileError(path: path, cause: .resources(error))
    }
    let files = ImageFiles(paths: [path], size: target, fit: fit, background: 0)
    return ImageSet(
      name: path, size: target, classNames: classNames, labels: [0],
      storage: .memory(try files.pixels(of: image, path: path)))
  }
}

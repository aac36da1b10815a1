import TapestryFiles
import TapestryGraph

extension ImageSet {
  /// Gray images and their labels from a pair of files in MNIST's format (IDX), plain or compressed by gzip.
  ///
  /// - Parameters:
  ///   - images: the path of the image file, magic number 2051.
  ///   - labels: the path of the label file, magic number 2049.
  ///   - name: of the set. Default: the path of the image file.
  ///   - maximumValue: the pixel value of full brightness, which the format does not state. Default 255.
  ///   - classNames: of the classes. Default `0` ... `9`.
  /// - Precondition: `maximumValue` is in 1 ... 255, there is a class.
  /// - Throws: `DatasetError` with everything that is wrong with the two files.
  public static func load(
    images: String, labels: String, name: String? = nil, maximumValue: Int = 255,
    classNames: [String]? = nil, file: StaticString = #fileID, line: UInt = #line
  ) throws(DatasetError) -> ImageSet {
    let classNames = classNames ?? ClassNames.digits
    guard (1...255).contains(maximumValue), !classNames.isEmpty else {
      trap(
        "ImageSet.load: maximum value \(maximumValue) must be in 1...255, and \(classNames.count)"
          + " class names at least one", file: file, line: line)
    }
    var problems: [DatasetError.Problem] = []
    let set = loadPair(images, labels, name ?? images, classNames, &problems)
    if let brightest = set?.largestPixel, brightest > maximumValue {
      problems.append(
        .inconsistent(
          "\(images): pixel value \(brightest) exceeds the maximum value \(maximumValue)"))
    }
    guard let set, problems.isEmpty else { throw DatasetError(path: images, problems: problems) }
    return set.with(maximumValue: maximumValue)
  }

  /// The set in a pair of files, or `nil` and why added to `problems`.
  static func loadPair(
    _ images: String, _ labels: String, _ name: String, _ classNames: [String],
    _ problems: inout [DatasetError.Problem]
  ) -> ImageSet? {
    let imageFile = read(images, .images, &problems)
    let labelFile = read(labels, .labels, &problems)
    let labelProblem = labelFile.flatMap {
      Self.labelProblem(in: $0.bytes, labels, classNames.count)
    }
    if let labelProblem { problems.append(.inconsistent(labelProblem)) }
    guard let imageFile, let labelFile else { return nil }
    guard imageFile.sizes[0] == labelFile.sizes[0] else {
      problems.append(
        .inconsistent(
          "\(images) has \(imageFile.sizes[0]) images, but \(labels) has \(labelFile.sizes[0]) labels"
        ))
      return nil
    }
    guard labelProblem == nil else { return nil }
    return ImageSet(
      name: name, height: imageFile.sizes[1], width: imageFile.sizes[2], classNames: classNames,
      labels: labelFile.bytes.map(Int.init), pixels: imageFile.bytes)
  }

  private static func read(
    _ path: String, _ content: IDXFile.Content, _ problems: inout [DatasetError.Problem]
  ) -> IDXFile? {
    do throws(FileError) {
      return try IDXFile(path: path, content: content)
    } catch {
      problems.append(.file(error))
      return nil
    }
  }

  /// The first label that is not below the class count, and how many there are.
  private static func labelProblem(in labels: [UInt8], _ path: String, _ classCount: Int) -> String?
  {
    guard let first = labels.firstIndex(where: { $0 >= classCount }) else { return nil }
    let count = labels.count { $0 >= classCount }
    return "\(path): label \(first) is \(labels[first]), but the \(classCount) classes are"
      + " 0...\(classCount - 1)\(count > 1 ? " (and \(count - 1) more such labels)" : "")"
  }
}

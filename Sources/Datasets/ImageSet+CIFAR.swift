import TapestryFiles

/// Which classes of CIFAR-100 are taken.
public enum CIFARLabels: String, CaseIterable, Sendable {
  /// The 100 classes.
  case fine
  /// The 20 groups of classes.
  case coarse
}

extension ImageSet {
  /// The training and the test set in a folder with the binary version of CIFAR-10 or CIFAR-100.
  ///
  /// The folder holds `data_batch_1.bin` ... and `test_batch.bin` (CIFAR-10), or `train.bin` and `test.bin`
  /// (CIFAR-100), each plain or with `.gz`; names may have something more before `.bin`. Plain files are mapped, not
  /// read. Without a test file a fifth is held out, of each class. Class names are those in `batches.meta.txt`,
  /// `fine_label_names.txt` or `coarse_label_names.txt`, else CIFAR-10's own or numbers.
  ///
  /// - Parameter labels: which classes of CIFAR-100 are taken. Default `fine`.
  /// - Throws: `DatasetError` with everything that is wrong with the files.
  public static func load(
    cifar directory: String, labels: CIFARLabels = .fine
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    try CIFARFolder(directory, labels).load()
  }
}

/// A folder with binary files of CIFAR.
struct CIFARFolder {
  static let expectation =
    "Expected are data_batch_1.bin ... and test_batch.bin (CIFAR-10) or train.bin and test.bin"
    + " (CIFAR-100), each plain or with .gz"
  static let size = ImageSize(channels: 3, height: 32, width: 32)
  private static let pixelCount = 3072
  private static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  let path: String
  let labels: CIFARLabels
  private let training: [String]
  private let test: [String]
  private let isHundred: Bool
  private let names: [String]

  /// Whether a file of this name belongs to CIFAR.
  static func isMember(_ name: String) -> Bool { role(of: name) != nil }

  private static func role(of name: String) -> (isTest: Bool, isHundred: Bool)? {
    let lower = name.lowercased()
    let plain = lower.hasSuffix(".gz") ? String(lower.dropLast(3)) : lower
    guard plain.hasSuffix(".bin") else { return nil }
    if plain.hasPrefix("data_batch") { return (false, false) }
    if plain.hasPrefix("test_batch") { return (true, false) }
    if plain.hasPrefix("train") { return (false, true) }
    return plain.hasPrefix("test") ? (true, true) : nil
  }

  init(_ path: String, _ labels: CIFARLabels) throws(DatasetError) {
    self.path = path
    self.labels = labels
    do throws(FileError) {
      names = try namesInDirectory(path)
    } catch {
      throw DatasetError(path: path, problems: [.folder(error)])
    }
    // Of a file that is there plain and compressed, the plain one.
    let known = Set(names)
    let members = names.filter { name in
      Self.isMember(name) && !(name.hasSuffix(".gz") && known.contains(String(name.dropLast(3))))
    }
    training = members.filter { Self.role(of: $0)?.isTest == false }
    test = members.filter { Self.role(of: $0)?.isTest == true }
    isHundred = members.contains { Self.role(of: $0)?.isHundred == true }
    let isMixed = isHundred && members.contains { Self.role(of: $0)?.isHundred == false }
    guard !training.isEmpty, !isMixed else {
      let problem: DatasetError.Problem =
        isMixed
        ? .inconsistent("has files of both CIFAR-10 and CIFAR-100")
        : .missing(name: "data_batch_1.bin or train.bin", content: "training images")
      throw DatasetError(path: path, problems: [problem], expectation: Self.expectation)
    }
  }

  func load() throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    var problems: [DatasetError.Problem] = []
    let classNames = classNames(&problems)
    let learnt = read(training, "training", classNames, &problems)
    let tested = test.isEmpty ? nil : read(test, "test", classNames, &problems)
    guard problems.isEmpty, let learnt else {
      throw DatasetError(path: path, problems: problems)
    }
    if let tested { return (learnt, tested) }
    let (training, heldOut) = learnt.split(stratified: true)
    return (training, heldOut)
  }

  private func classNames(_ problems: inout [DatasetError.Problem]) -> [String] {
    let file =
      isHundred
      ? (labels == .fine ? "fine_label_names.txt" : "coarse_label_names.txt") : "batches.meta.txt"
    let count = isHundred ? (labels == .fine ? 100 : 20) : 10
    let standard = isHundred ? (0..<count).map(String.init) : Self.classNames
    guard names.contains(file) else { return standard }
    do throws(FileError) {
      let bytes = try readPossiblyCompressed("\(path)/\(file)", limit: 1 << 20)
      let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      if lines.count == count { return lines.map { String($0.prefix(80)) } }
      problems.append(
        .inconsistent("\(file) has \(lines.count) names, but there are \(count) classes"))
    } catch {
      problems.append(.file(error))
    }
    return standard
  }

  /// The images of these files, in their order.
  private func read(
    _ files: [String], _ role: String, _ classNames: [String],
    _ problems: inout [DatasetError.Problem]
  ) -> ImageSet? {
    let labelCount = isHundred ? 2 : 1
    let stride = labelCount + Self.pixelCount
    let labelPlace = isHundred && labels == .fine ? 1 : 0
    var allLabels: [Int] = []
    var records: [PixelRecord] = []
    var pixels: [UInt8] = []
    let isMapped = !files.contains { $0.lowercased().hasSuffix(".gz") }
    for file in files {
      do throws(FileError) {
        let path = "\(self.path)/\(file)"
        let mapped = try MappedFile(path: path)
        let source: ByteSource =
          isMapped
          ? .mapped(mapped)
          : .memory(
            try readPossiblyCompressed(
              path, limit: min(1 << 31, ResourceLimits.current.memory / 4)))
        guard source.count > 0, source.count % stride == 0 else {
          throw FileError(
            path: path,
            cause: .malformed(
              format: isHundred ? "CIFAR-100" : "CIFAR-10",
              problems: [
                "has \(source.count) bytes, but must have \(stride) for each image (\(labelCount) of"
                  + " labels, 3 x 32 x 32 of pixels); copy or download the file again"
              ]))
        }
        let count = source.count / stride
        let found = source.withUnsafeBytes { bytes in
          (0..<count).map { Int(bytes[$0 * stride + labelPlace]) }
        }
        if let problem = labelProblem(in: found, path, classNames.count) {
          problems.append(.inconsistent(problem))
        }
        allLabels += found
        if isMapped {
          records += (0..<count).map {
            PixelRecord(file: mapped, offset: $0 * stride + labelCount)
          }
        } else {
          source.withUnsafeBytes { bytes in
            for index in 0..<count {
              let first = index * stride + labelCount
              pixels += bytes[first..<first + Self.pixelCount]
            }
          }
        }
      } catch {
        problems.append(.file(error))
      }
    }
    guard problems.isEmpty else { return nil }
    return ImageSet(
      name: "\(lastComponent(path)) \(role)", size: Self.size, classNames: classNames,
      labels: allLabels, storage: isMapped ? .records(records) : .memory(pixels))
  }
}

/// The first label that is not below the class count, and how many there are.
func labelProblem(in labels: [Int], _ path: String, _ classCount: Int) -> String? {
  let isWrong = { (label: Int) in !(0..<classCount).contains(label) }
  guard let first = labels.firstIndex(where: isWrong) else { return nil }
  let count = labels.count(where: isWrong)
  return "\(path): label \(first) is \(labels[first]), but the \(classCount) classes are"
    + " 0...\(classCount - 1)\(count > 1 ? " (and \(count - 1) more such labels)" : "")"
}

import TapestryFiles

extension ImageSet {
  /// The training and the test set in a folder in the manner of MNIST.
  ///
  /// The folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
  /// and `t10k-labels-idx1-ubyte`, each plain or with `.gz`. Or it holds one pair `NAME-images-idx3-ubyte`
  /// and `NAME-labels-idx1-ubyte`, of which ``split(heldOut:seed:stratified:file:line:)`` holds a fifth out as
  /// the test set. Classes are called as in Fashion-MNIST where the folder's name contains "fashion",
  /// else `0` ... `9`. The format does not say which value is full brightness: it is the largest that occurs
  /// in the folder, 255 in MNIST.
  ///
  /// - Throws: `DatasetError` that lists every missing file and everything that is wrong with the others.
  public static func load(
    directory: String
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    let names: Set<String>
    do throws(FileError) {
      names = Set(try namesInDirectory(directory))
    } catch {
      throw DatasetError(path: directory, problems: [.folder(error)])
    }
    let folder = IDXFolder(path: directory, names: names)
    if let stem = folder.singleStem {
      let set = try folder.load([stem])[0]
      let (training, heldOut) = set.split(heldOut: 0.2, seed: 0)
      return (training, heldOut)
    }
    let sets = try folder.load(IDXFolder.standardStems)
    let (training, test) = (sets[0], sets[1])
    guard training.height == test.height, training.width == test.width else {
      let reason =
        "the training images are \(training.height) x \(training.width),"
        + " but the test images \(test.height) x \(test.width)"
      throw DatasetError(path: directory, problems: [.inconsistent(reason)])
    }
    return (training, test)
  }
}

/// A folder of pairs of files in MNIST's format.
struct IDXFolder {
  let path: String
  /// The names of the entries.
  let names: Set<String>

  static let standardStems = ["train", "t10k"]
  static let expectation =
    "Expected are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and"
    + " t10k-labels-idx1-ubyte, each plain or with .gz, or one pair NAME-images-idx3-ubyte and"
    + " NAME-labels-idx1-ubyte"

  private static let imagesSuffix = "-images-idx3-ubyte"
  private static let labelsSuffix = "-labels-idx1-ubyte"

  /// What stands before the suffix in the only pair's names; `nil` where there is another number of
  /// pairs, or one of the standard names.
  var singleStem: String? {
    var stems: Set<String> = []
    for name in names {
      let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
      for suffix in [Self.imagesSuffix, Self.labelsSuffix] where plain.hasSuffix(suffix) {
        stems.insert(String(plain.dropLast(suffix.count)))
      }
    }
    guard stems.count == 1, let stem = stems.first, !Self.standardStems.contains(stem) else {
      return nil
    }
    return stem
  }

  /// The sets of these pairs; everything that is missing or wrong in one error.
  func load(_ stems: [String]) throws(DatasetError) -> [ImageSet] {
    var problems: [DatasetError.Problem] = []
    var sets: [ImageSet] = []
    for stem in stems {
      let role = stem == "train" ? "training" : "test"
      let purpose = stems.count == 1 ? "" : "\(role) "
      let images = find(stem + Self.imagesSuffix, purpose + "images", &problems)
      let labels = find(stem + Self.labelsSuffix, purpose + "labels", &problems)
      guard let images, let labels else { continue }
      let name = stems.count == 1 ? stem : "\(folderName) \(role)"
      let set = ImageSet.loadPair(images, labels, name, ClassNames.forFolder(path), &problems)
      if let set { sets.append(set) }
    }
    guard problems.isEmpty else {
      let isIncomplete = problems.contains { if case .missing = $0 { true } else { false } }
      throw DatasetError(
        path: path, problems: problems, expectation: isIncomplete ? Self.expectation : nil)
    }
    let brightest = sets.map(\.largestPixel).max() ?? 255
    return sets.map { $0.with(maximumValue: brightest) }
  }

  /// The path of the file called `name`, plain or compressed.
  private func find(
    _ name: String, _ content: String, _ problems: inout [DatasetError.Problem]
  ) -> String? {
    guard let found = [name, name + ".gz"].first(where: names.contains) else {
      problems.append(.missing(name: name, content: content))
      return nil
    }
    return path.hasSuffix("/") ? path + found : "\(path)/\(found)"
  }

  private var folderName: String { path.split(separator: "/").last.map(String.init) ?? path }
}

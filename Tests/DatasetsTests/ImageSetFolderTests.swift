import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

@Suite("Folders of image sets")
struct ImageSetFolderTests {
  static let expectation =
    "Expected are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and"
    + " t10k-labels-idx1-ubyte, each plain or with .gz, or one pair NAME-images-idx3-ubyte and"
    + " NAME-labels-idx1-ubyte"

  private func standard(_ name: String = "numbers") throws -> TestFolder {
    try TestFolder(
      name,
      [
        "train-images-idx3-ubyte": idxImages(3, 2, 2),
        "train-labels-idx1-ubyte.gz": Gzip.compress(idxLabels([5, 0, 4])),
        "t10k-images-idx3-ubyte.gz": Gzip.compress(idxImages(2, 2, 2, first: 42)),
        "t10k-labels-idx1-ubyte": idxLabels([7, 2]),
        "README": Array("hello".utf8),
      ])
  }

  @Test("training and test set are read, plain or compressed")
  func loads() throws {
    let folder = try standard()
    for path in [folder.path, folder.path + "/"] {
      let (training, test) = try ImageSet.load(directory: path)
      #expect(training.description == "numbers training: 3 images of 1 x 2 x 2, 10 classes")
      #expect(test.description == "numbers test: 2 images of 1 x 2 x 2, 10 classes")
      #expect(training.labels == [5, 0, 4])
      #expect(test.labels == [7, 2])
      #expect(training.pixels == Array(0..<12))
      #expect(test.pixels == Array(42..<50))
      #expect(training.classNames == (0..<10).map(String.init))
      // The brightest pixel of both sets together.
      #expect([training.maximumValue, test.maximumValue] == [49, 49])
    }
  }

  @Test("a plain file is preferred to a compressed one")
  func preference() throws {
    let folder = try standard()
    try folder.write("train-images-idx3-ubyte.gz", [1, 2, 3])
    #expect(try ImageSet.load(directory: folder.path).training.count == 3)
  }

  @Test("a folder of fashion has names of clothes")
  func fashion() throws {
    let folder = try standard("Fashion-MNIST")
    let test = try ImageSet.load(directory: folder.path).test
    #expect(test.map(\.className) == ["Sneaker", "Pullover"])
    #expect(ClassNames.forFolder("data/FashionMNIST/raw/")[9] == "Ankle boot")
    #expect(ClassNames.forFolder("fashion/mnist")[9] == "9")
    #expect(ClassNames.forFolder("") == ClassNames.digits)
  }

  @Test("every missing file is named at once, and what is expected")
  func missing() throws {
    let empty = try TestFolder()
    #expect(
      message { try ImageSet.load(directory: empty.path) }
        == "\(empty.path): 4 problems\n  train-images-idx3-ubyte is missing (training images)\n"
        + "  train-labels-idx1-ubyte is missing (training labels)\n"
        + "  t10k-images-idx3-ubyte is missing (test images)\n"
        + "  t10k-labels-idx1-ubyte is missing (test labels)\n" + Self.expectation)
    let partial = try standard()
    partial.remove("train-labels-idx1-ubyte.gz")
    #expect(
      message { try ImageSet.load(directory: partial.path) }
        == "\(partial.path): train-labels-idx1-ubyte is missing (training labels)\n"
        + Self.expectation)
  }

  @Test("missing and damaged files are told together")
  func mixture() throws {
    let folder = try standard()
    folder.remove("train-labels-idx1-ubyte.gz")
    try folder.write("t10k-labels-idx1-ubyte", idxImages(2, 2, 2))
    let lines = message { try ImageSet.load(directory: folder.path) }.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0] == "\(folder.path): 2 problems")
    #expect(lines[1] == "  train-labels-idx1-ubyte is missing (training labels)")
    #expect(
      lines[2].hasPrefix("  \(folder.path)/t10k-labels-idx1-ubyte: IDX: magic number 2049 (labels)")
    )
    #expect(lines[3] == Self.expectation)
  }

  @Test("training and test images of different sizes are refused")
  func sizes() throws {
    let folder = try standard()
    folder.remove("t10k-images-idx3-ubyte.gz")
    try folder.write("t10k-images-idx3-ubyte", idxImages(2, 3, 2))
    #expect(
      message { try ImageSet.load(directory: folder.path) }
        == "\(folder.path): the training images are 2 x 2, but the test images 3 x 2")
  }

  @Test("one pair is divided")
  func singlePair() throws {
    let folder = try TestFolder(
      "numbers",
      [
        "some-images-idx3-ubyte": idxImages(10, 2, 1),
        "some-labels-idx1-ubyte.gz": Gzip.compress(idxLabels(Array(0..<10))),
      ])
    let (training, test) = try ImageSet.load(directory: folder.path)
    #expect(training.name == "some training")
    #expect(test.name == "some held out")
    #expect([training.count, test.count] == [8, 2])
    #expect(Set(training.labels).union(test.labels) == Set(0..<10))
    #expect(test.labels == (try ImageSet.load(directory: folder.path)).test.labels)
    let label = UInt8(training.labels[0])
    #expect(training[0].pixels == [label * 2, label * 2 + 1])

    folder.remove("some-labels-idx1-ubyte.gz")
    #expect(
      message { try ImageSet.load(directory: folder.path) }
        == "\(folder.path): some-labels-idx1-ubyte is missing (labels)\n" + Self.expectation)
    try folder.write("other-images-idx3-ubyte", [])
    #expect(
      message { try ImageSet.load(directory: folder.path) }.hasPrefix("\(folder.path): 4 problems"))
  }

  @Test("what is no folder is refused")
  func paths() throws {
    let folder = try standard()
    let file = folder.path + "/README"
    #expect(
      message { try ImageSet.load(directory: file) }
        == "\(file): is a file, but a folder is needed; give the folder that it is in")
    #expect(
      message { try ImageSet.load(directory: folder.path + "/none") }
        == "\(folder.path)/none: cannot list the folder: No such file or directory; check the path")
    #expect(
      message { try ImageSet.load(directory: "") }
        == "(empty path): cannot use the path: No such file or directory; check the path")
  }
}

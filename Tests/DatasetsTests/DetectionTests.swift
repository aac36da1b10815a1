import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

@Suite("Data whose form is found out")
struct DetectionTests {
  private func png(_ value: UInt8, channels: Int = 1, side: Int = 2) -> [UInt8] {
    RasterImage(
      width: side, height: side, channels: channels,
      bytes: [UInt8](repeating: value, count: side * side * channels)
    ).png()
  }

  @Test("IDX files")
  func idx() throws {
    let folder = try TestFolder(
      "numbers",
      [
        "train-images-idx3-ubyte": idxImages(3, 2, 2),
        "train-labels-idx1-ubyte": idxLabels([5, 0, 4]),
        "t10k-images-idx3-ubyte": idxImages(2, 2, 2), "t10k-labels-idx1-ubyte": idxLabels([7, 2]),
      ])
    let (training, test) = try ImageSet.load(from: folder.path)
    #expect(training.labels == [5, 0, 4] && test.labels == [7, 2])
    folder.remove("t10k-labels-idx1-ubyte")
    #expect(
      message { try ImageSet.load(from: folder.path) }.contains("t10k-labels-idx1-ubyte is missing")
    )
  }

  @Test("CIFAR")
  func cifar() throws {
    let folder = try TestFolder("c", ["data_batch_1.bin": [UInt8](repeating: 1, count: 30730)])
    let (training, test) = try ImageSet.load(from: folder.path)
    #expect(training.count == 8 && test.count == 2 && training.channels == 3)
  }

  @Test("class folders, divided by the seed, of each class the same share")
  func classFolders() throws {
    let folder = try TestFolder("shapes")
    for name in ["a", "b"] {
      folder.folder(name)
      for index in 0..<10 { try folder.write("\(name)/\(index).png", png(UInt8(index))) }
    }
    var options = LoadingOptions()
    options.heldOut = 0.3
    options.seed = 5
    let (training, test) = try ImageSet.load(from: folder.path, options: options)
    #expect(training.count == 14 && test.labels.sorted() == [0, 0, 0, 1, 1, 1])
    #expect(try ImageSet.load(from: folder.path, options: options).test.pixels == test.pixels)
    options.seed = 6
    #expect(try ImageSet.load(from: folder.path, options: options).test.pixels != test.pixels)
    options.size = (height: 5, width: 4)
    #expect(try ImageSet.load(from: folder.path, options: options).test.height == 5)
  }

  @Test("train and test with class folders; the test set takes the classes of the training set")
  func trainAndTest() throws {
    let folder = try TestFolder("shapes")
    for name in ["train/a", "train/b", "train/c", "val/a", "val/c"] {
      folder.folder(name)
      try folder.write("\(name)/1.png", png(7, channels: name == "train/b" ? 3 : 1))
    }
    let (training, test) = try ImageSet.load(from: folder.path + "/")
    #expect(training.classNames == ["a", "b", "c"] && test.classNames == training.classNames)
    #expect(test.labels == [0, 2] && test.channels == 3)
    #expect(test[0].pixels.allSatisfy { $0 == 7 })
    folder.folder("val/d")
    try folder.write("val/d/1.png", png(1))
    #expect(message { try ImageSet.load(from: folder.path) }.contains("\"d\" is no known class"))
  }

  @Test("test images of another size are refused")
  func sizes() throws {
    let folder = try TestFolder("shapes")
    for name in ["train/a", "train/b", "test/a", "test/b"] {
      folder.folder(name)
      try folder.write("\(name)/1.png", png(7, side: name.hasPrefix("test") ? 3 : 2))
    }
    #expect(
      message { try ImageSet.load(from: folder.path) }.contains(
        "the training images are 2 x 2, but the test images 3 x 3; give a size"))
  }

  @Test("tables: one is divided, two are told by their names")
  func tables() throws {
    let folder = try TestFolder("t", ["all.csv": Array("0,1\n0,2\n1,3\n1,4\n0,5\n1,6\n".utf8)])
    let divided = try ImageSet.load(from: folder.path)
    #expect(divided.training.count == 4 && divided.test.labels.sorted() == [0, 1])
    #expect(try ImageSet.load(from: folder.path + "/all.csv").test.pixels == divided.test.pixels)
    folder.remove("all.csv")
    try folder.write("mnist_train.csv", Array("0,1\n2,200\n".utf8))
    try folder.write("mnist_test.csv", Array("1,50\n".utf8))
    let (training, test) = try ImageSet.load(from: folder.path)
    #expect(training.labels == [0, 2] && test.labels == [1])
    #expect(training.maximumValue == 200 && test.maximumValue == 200 && test.classCount == 3)
    try folder.write("other.csv", [])
    try folder.write("train2.csv", [])
    #expect(message { try ImageSet.load(from: folder.path) }.contains("has 4 tables"))
  }

  @Test("nothing known, nothing there, a file of another kind")
  func unknown() throws {
    let folder = try TestFolder("x", ["notes.txt": [1]])
    let text = message { try ImageSet.load(from: folder.path) }
    #expect(text.contains("holds no images in a form that is known"))
    #expect(text.contains("IDX files") && text.contains("CIFAR-10") && text.contains(".csv"))
    #expect(
      message { try ImageSet.load(from: folder.path + "/notes.txt") }.contains(
        "is a file, but a folder is needed"))
    #expect(message { try ImageSet.load(from: folder.path + "/none") }.contains("No such file"))
    #expect(message { try ImageSet.load(from: "") }.contains("(empty path)"))
  }
}

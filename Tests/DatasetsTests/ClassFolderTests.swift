import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TestSupport
import Testing

@Suite("Folders of images by class")
struct ClassFolderTests {
  private func png(
    _ width: Int, _ height: Int, _ channels: Int = 1, first: Int = 0
  ) -> [UInt8] {
    RasterImage(
      width: width, height: height, channels: channels,
      bytes: (0..<width * height * channels).map { UInt8(truncatingIfNeeded: first + $0) }
    ).png()
  }

  /// Three gray images of two classes, one of them a portable map, and what does not count.
  private func pets() throws -> TestFolder {
    let folder = try TestFolder("pets")
    for name in ["dog", "cat", ".git"] { folder.folder(name) }
    try folder.write("dog/b.png", png(3, 2, first: 10))
    try folder.write("cat/z.PNG", png(3, 2, first: 20))
    // The content decides: a portable map with another ending.
    try folder.write(
      "cat/a.jpg",
      RasterImage(width: 3, height: 2, channels: 1, bytes: [1, 2, 3, 4, 5, 6]).portableMap)
    try folder.write("cat/.hidden.png", [1])
    try folder.write("cat/notes.txt", [2])
    try folder.write("README", [3])
    return folder
  }

  @Test("classes are the folders in the order of their names, images those of their files")
  func loads() throws {
    let folder = try pets()
    let set = try ImageSet.load(classFolders: folder.path)
    #expect(set.description == "pets: 3 images of 1 x 2 x 3, 2 classes")
    #expect(set.classNames == ["cat", "dog"] && set.labels == [0, 0, 1])
    #expect(set[0].pixels == [1, 2, 3, 4, 5, 6] && Array(set[2].pixels) == Array(10..<16))
    #expect(set.isInMemory && set.skipped.isEmpty)
  }

  @Test("one file, as it is in the set of its folder")
  func oneFile() throws {
    let folder = try pets()
    try folder.write("dog/b.png", png(9, 7, 3, first: 10))
    let options = (size: (height: 4, width: 6), fit: ImageFit.fit)
    let set = try ImageSet.load(
      classFolders: folder.path, size: options.size, fit: options.fit, channels: 3)
    let image = try ImageSet.load(
      image: "\(folder.path)/dog/b.png", size: options.size, fit: options.fit,
      classNames: set.classNames)
    #expect(image.count == 1 && image.channels == 3 && image.classNames == ["cat", "dog"])
    #expect(image.pixels == Array(set[2].pixels))
    let gray = try ImageSet.load(image: "\(folder.path)/dog/b.png", channels: 1)
    #expect(gray.height == 7 && gray.width == 9 && gray.channels == 1)
    let error = #expect(throws: FileError.self) {
      try ImageSet.load(image: "\(folder.path)/cat/notes.txt")
    }
    #expect(error?.path.hasSuffix("notes.txt") == true)
  }

  @Test("one coloured image makes all have three channels; gray is repeated")
  func colors() throws {
    let folder = try pets()
    try folder.write("dog/c.png", png(3, 2, 3, first: 100))
    let set = try ImageSet.load(classFolders: folder.path)
    #expect(set.channels == 3)
    #expect(Array(set[0].pixels) == [1, 2, 3, 4, 5, 6] + [1, 2, 3, 4, 5, 6] + [1, 2, 3, 4, 5, 6])
    #expect(Array(set[3].pixels.prefix(6)) == [100, 103, 106, 109, 112, 115])
    let gray = try ImageSet.load(classFolders: folder.path, channels: 1)
    // 0.299 * 100 + 0.587 * 101 + 0.114 * 102
    #expect(gray.channels == 1 && gray[3].pixels.first == 101)
  }

  @Test("decoded on demand the pixels are the same, and so are batches")
  func onDemand() throws {
    let folder = try pets()
    let memory = try ImageSet.load(classFolders: folder.path, channels: 3)
    let files = try ImageSet.load(classFolders: folder.path, channels: 3, memoryLimit: 10)
    #expect(!files.isInMemory && memory.isInMemory)
    #expect(files.pixels == memory.pixels && files.labels == memory.labels)
    #expect(try files.bytes(of: 1) == memory.bytes(of: 1))
    #expect(files[2].pixels == memory[2].pixels)
    #expect(Normalization(of: files) == Normalization(of: memory))
    #expect(files.subset([2, 0]).pixels == memory.subset([2, 0]).pixels)
    let parts = files.split(heldOut: 0.4, seed: 1)
    #expect(parts.heldOut.pixels == memory.split(heldOut: 0.4, seed: 1).heldOut.pixels)
    for text in ["", "crop:1,flip"] {
      let batches = try [memory, files].map { set in
        try BatchLoader(set, batchSize: 2, augmentation: Augmentation(text), seed: 4).epoch(0).map {
          $0.images.scalars()
        }
      }
      #expect(batches[0] == batches[1] && batches[0].count == 2)
    }
  }

  @Test("other sizes are resized when a size is given", arguments: ImageFit.allCases)
  func resizing(fit: ImageFit) throws {
    let folder = try pets()
    // A white bar of 8 x 4 with a black end on the right.
    let bar = RasterImage(
      width: 8, height: 4, channels: 1, bytes: (0..<32).map { $0 % 8 < 6 ? 255 : 0 })
    try folder.write("dog/wide.png", bar.png())
    let set = try ImageSet.load(classFolders: folder.path, size: (2, 2), fit: fit)
    #expect(set.imageSize == ImageSize(channels: 1, height: 2, width: 2))
    let expected: [UInt8] =
      switch fit {
      // The middle 4 x 4: white.
      case .fill: [255, 255, 255, 255]
      // 2 x 1 in the middle: one row, the right pixel half white.
      case .fit: [255, 128, 0, 0]
      case .stretch: [255, 128, 255, 128]
      }
    #expect(Array(set[3].pixels) == expected)
  }

  @Test("mixed sizes without a resize: the error names the files")
  func mixedSizes() throws {
    let folder = try pets()
    for index in 0..<7 { try folder.write("dog/x\(index).png", png(4, 5)) }
    let text = message { try ImageSet.load(classFolders: folder.path) }
    #expect(text.contains("images have different sizes: 7 are not 2 x 3 as the first:"))
    #expect(text.contains("\(folder.path)/dog/x0.png is 5 x 4"))
    #expect(text.contains("... and 2 more") && !text.contains("x5.png"))
    #expect(text.contains("Give a size to resize all to"))
    let files = try ImageSet.load(classFolders: folder.path, memoryLimit: 0)
    #expect(
      message { try files.bytes(of: 5) }
        .contains("x2.png: image: is 5 x 4, but the images of the set are 2 x 3; give a size"))
  }

  @Test("empty class folders, a lone class, no classes: all told at once")
  func classes() throws {
    let folder = try pets()
    folder.folder("mouse")
    folder.folder("bird")
    let text = message { try ImageSet.load(classFolders: folder.path) }
    #expect(text.contains("2 problems"))
    #expect(text.contains("the class folder \"bird\" has no images"))
    #expect(text.contains("the class folder \"mouse\" has no images"))
    #expect(text.contains("Expected is a folder for each class"))
    let one = try TestFolder("one")
    one.folder("cat")
    try one.write("cat/a.png", png(2, 2))
    #expect(
      message { try ImageSet.load(classFolders: one.path) }.contains(
        "\"cat\" is the only class folder, but two classes at least are needed"))
    let none = try TestFolder("none")
    #expect(
      message { try ImageSet.load(classFolders: none.path) }.contains(
        "has no folders with images, one for each class"))
    #expect(
      message { try ImageSet.load(classFolders: none.path + "/x") }.contains(
        "cannot list the folder"))
    #expect(
      message { try ImageSet.load(classFolders: folder.path, classNames: ["cat", "mouse"]) }
        .contains("the folder \"dog\" is no known class"))
  }

  @Test("broken images are all listed, or left out and listed")
  func broken() throws {
    let folder = try pets()
    try folder.write("cat/broken.png", Array(png(3, 2).dropLast(20)))
    try folder.write("dog/empty.png", [])
    let text = message { try ImageSet.load(classFolders: folder.path) }
    #expect(text.contains("2 problems"))
    #expect(text.contains("\(folder.path)/cat/broken.png: PNG: ends after"))
    #expect(text.contains("\(folder.path)/dog/empty.png: image: is empty"))
    let set = try ImageSet.load(classFolders: folder.path, broken: .skipped)
    #expect(set.count == 3 && set.labels == [0, 0, 1])
    #expect(
      set.skipped.map(\.path) == ["\(folder.path)/cat/broken.png", "\(folder.path)/dog/empty.png"])
  }

  @Test("a loader leaves broken images out, or ends the epoch and says why", arguments: [0, 1, 3])
  func brokenOnDemand(workers: Int) throws {
    let folder = try pets()
    for index in 0..<6 { try folder.write("dog/d\(index).png", png(3, 2, first: index)) }
    let set = try ImageSet.load(classFolders: folder.path, memoryLimit: 0)
    try folder.write("dog/d3.png", Array(png(3, 2).dropLast(20)))
    // The images: cat/a, cat/z, dog/b, dog/d0 ... d5.
    let skipping = try BatchLoader(
      set, batchSize: 3, shuffled: false, workers: workers, broken: .skipped)
    for _ in 0..<2 {
      #expect(skipping.epoch(0).map(\.indices) == [[0, 1, 2], [3, 4, 5], [7, 8]])
    }
    #expect(skipping.brokenImages.map(\.path) == ["\(folder.path)/dog/d3.png"])
    let refusing = try BatchLoader(set, batchSize: 3, shuffled: false, workers: workers)
    try refusing.requireIntact()
    #expect(refusing.epoch(0).map(\.indices) == [[0, 1, 2], [3, 4, 5]])
    #expect(message { try refusing.requireIntact() }.contains("dog/d3.png: PNG: ends after"))
    // A batch of nothing but broken images is passed over.
    let single = try BatchLoader(
      set, batchSize: 1, augmentation: [.flip()], shuffled: false, workers: workers,
      broken: .skipped)
    #expect(single.epoch(0).flatMap(\.indices) == [0, 1, 2, 3, 4, 5, 7, 8])
    #expect(set[6].pixels.allSatisfy { $0 == 0 })
  }

  @Test(
    "JPEG images count like others", .enabled(if: RasterImage.canReadJPEG))
  func jpeg() throws {
    let folder = try pets()
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    let fixtures = parts.joined(separator: "/") + "/Fixtures/images"
    let bytes = try readPossiblyCompressed("\(fixtures)/jpeg-rgb-444.jpg", limit: 1 << 20)
    try folder.write("dog/photo.jpg", bytes)
    let set = try ImageSet.load(classFolders: folder.path, size: (21, 35))
    let image = try RasterImage(jpeg: bytes)
    #expect(set.count == 4 && set.channels == 3)
    #expect(
      Planes(
        channels: 3, height: 21, width: 35, values: set[3].pixels.map { Float($0) / 255 }
      ).raster == image)
  }
}

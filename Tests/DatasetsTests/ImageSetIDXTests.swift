import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

@Suite("Image sets from a pair of files")
struct ImageSetIDXTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test("images and labels come together")
  func loads() throws {
    let images = try folder.write("i", idxImages(3, 2, 2, first: 100))
    let labels = try folder.write("l.gz", Gzip.compress(idxLabels([2, 0, 1])))
    let set = try ImageSet.load(images: images, labels: labels, classNames: ["a", "b", "c"])
    #expect(set.name == images)
    #expect(set.labels == [2, 0, 1])
    #expect(set.pixels == Array(100..<112))
    #expect([set.channels, set.height, set.width, set.maximumValue] == [1, 2, 2, 255])
    #expect(set[0].className == "c")
    let dim = try ImageSet.load(images: images, labels: labels, name: "dim", maximumValue: 111)
    #expect(dim.description == "dim: 3 images of 1 x 2 x 2, 10 classes")
    #expect(dim.maximumValue == 111)
  }

  @Test("counts that differ are both told")
  func counts() throws {
    let images = try folder.write("i", idxImages(3, 2, 2))
    let labels = try folder.write("l", idxLabels([1, 2]))
    #expect(
      message { try ImageSet.load(images: images, labels: labels) }
        == "\(images): \(images) has 3 images, but \(labels) has 2 labels")
  }

  @Test("the first label out of range is told, and how many there are")
  func labels() throws {
    let images = try folder.write("i", idxImages(4, 2, 2))
    let one = try folder.write("one", idxLabels([1, 9, 10, 0]))
    #expect(
      message { try ImageSet.load(images: images, labels: one) }
        == "\(images): \(one): label 2 is 10, but the 10 classes are 0...9")
    let three = try folder.write("three", idxLabels([1, 3, 255, 2]))
    #expect(
      message { try ImageSet.load(images: images, labels: three, classNames: ["no", "yes"]) }
        == "\(images): \(three): label 1 is 3, but the 2 classes are 0...1 (and 2 more such labels)"
    )
  }

  @Test("a pixel above the stated maximum is refused")
  func maximum() throws {
    let images = try folder.write("i", idxImages(1, 2, 2, first: 14))
    let labels = try folder.write("l", idxLabels([1]))
    #expect(
      message { try ImageSet.load(images: images, labels: labels, maximumValue: 16) }
        == "\(images): \(images): pixel value 17 exceeds the maximum value 16")
  }

  @Test("what is wrong with both files is told at once")
  func both() throws {
    let images = try folder.write("i", idxLabels([1]))
    let labels = try folder.write("l", [1, 2])
    let lines = message { try ImageSet.load(images: images, labels: labels) }.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0] == "\(images): 2 problems")
    #expect(lines[1].hasPrefix("  \(images): IDX: magic number 2051 (images) expected, found 2049"))
    #expect(lines[2].hasPrefix("  \(labels): ends after 2 bytes, but its content needs 4"))
  }
}

import TapestryDatasets
import Testing

/// Four colour images of 1 x 2 whose pixels count up.
let smallSet = ImageSet(
  name: "small", channels: 3, height: 1, width: 2, maximumValue: 23, classNames: ["no", "yes"],
  labels: [0, 1, 1, 0], pixels: Array(0..<24))

@Suite("Image sets")
struct ImageSetTests {
  @Test("a set is a collection of its images")
  func collection() {
    #expect(smallSet.count == 4)
    #expect(smallSet.classCount == 2)
    #expect(smallSet.map(\.index) == [0, 1, 2, 3])
    #expect(smallSet.map(\.label) == smallSet.labels)
    #expect(Array(smallSet[2].pixels) == Array(12..<18))
    #expect(smallSet[2].className == "yes")
    #expect(smallSet[2].pixel(channel: 1, row: 0, column: 1) == 15)
    #expect(smallSet.description == "small: 4 images of 3 x 1 x 2, 2 classes")
  }

  @Test("an image is printed in shades")
  func text() {
    let set = ImageSet(
      name: "shades", height: 2, width: 3, maximumValue: 9, classNames: ["x"], labels: [0],
      pixels: [0, 1, 9, 5, 8, 0])
    #expect(set[0].text == " .@\n+% ")
    #expect(smallSet[0].text == "..")
    #expect(smallSet[3].text == "%%")
  }

  @Test("a subset has the chosen images in the given order, also twice")
  func subset() {
    let subset = smallSet.subset([3, 0, 3], name: "some")
    #expect(subset.description == "some: 3 images of 3 x 1 x 2, 2 classes")
    #expect(subset.labels == [0, 0, 0])
    #expect(subset.pixels == Array(18..<24) + Array(0..<6) + Array(18..<24))
    #expect(subset.maximumValue == 23)
    #expect(smallSet.subset(1..<1).isEmpty)
    #expect(smallSet.subset(1..<3).name == "small")
  }

  @Test("a set that does not fit together ends the program with words and the caller's line")
  func misuse() async throws {
    let wrong = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ImageSet(
        name: "s", height: 2, width: 2, classNames: ["x"], labels: [0], pixels: [1, 2, 3])
    }
    let text = String(decoding: try #require(wrong).standardErrorContent, as: UTF8.self)
    #expect(text.contains("ImageSetTests.swift"))
    #expect(
      text.contains("ImageSet \"s\": 3 pixels, but 1 labels and 1 x 2 x 2 images need 4"))
    let outside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = smallSet.subset([1, 4])
    }
    let words = String(decoding: try #require(outside).standardErrorContent, as: UTF8.self)
    #expect(words.contains("ImageSetTests.swift"))
    #expect(words.contains("subset: there is no image 4 in \"small\", which has 4"))
  }
}

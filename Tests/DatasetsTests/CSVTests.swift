import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TestSupport
import Testing

@Suite("Tables of pixels")
struct CSVTests {
  private func load(
    _ text: String, label: LabelColumn? = nil, size: ImageSize? = nil, classNames: [String]? = nil
  ) throws -> ImageSet {
    let folder = try TestFolder("tables", ["t.csv": Array(text.utf8)])
    return try ImageSet.load(
      csv: folder.path + "/t.csv", label: label, size: size, classNames: classNames)
  }

  @Test("the class is first or last, with or without a first line of names")
  func columns() throws {
    let plain = try load("3,0,10,20,255\n1,4,3,2,1\n")
    #expect(plain.description == "t.csv: 2 images of 1 x 2 x 2, 4 classes")
    #expect(plain.labels == [3, 1] && plain.pixels == [0, 10, 20, 255, 4, 3, 2, 1])
    #expect(plain.maximumValue == 255)
    let named = try load("label,p1,p2,p3,p4\r\n3,0,10,20,255\r\n1,4,3,2,1")
    #expect(named.labels == plain.labels && named.pixels == plain.pixels)
    let last = try load(
      "\"1x1\",\"1x2\",\"2x1\",\"2x2\",\"Class\"\n0,10,20,255,3\n\n4.0,3,2, 1 ,1\n")
    #expect(last.labels == plain.labels && last.pixels == plain.pixels)
    #expect(try load("0,10,20,255,3\n4,3,2,1,1", label: .last).labels == [3, 1])
    #expect(try load("0,1,16,2,9\n").maximumValue == 16)
  }

  @Test("sizes are square unless given, of one channel or three")
  func sizes() throws {
    let line = (0..<12).map(String.init).joined(separator: ",")
    let color = try load("0,\(line)\n1,\(line)\n")
    #expect(color.imageSize == ImageSize(channels: 3, height: 2, width: 2))
    let wide = try load("0,\(line)\n", size: ImageSize(channels: 1, height: 3, width: 4))
    #expect(wide.imageSize == ImageSize(channels: 1, height: 3, width: 4))
    #expect(try load("0,1,2,3\n").imageSize == ImageSize(channels: 3, height: 1, width: 1))
    #expect(
      message { try load("0,1,2\n") }.contains(
        "has 2 pixels in a line, which is no square image of 1 or 3 channels; give the size"))
  }

  @Test("a compressed table is read like a plain one")
  func compressed() throws {
    let folder = try TestFolder("tables")
    try folder.write("t.csv.gz", Gzip.compress(Array("1,2\n0,3\n".utf8)))
    #expect(try ImageSet.load(csv: folder.path + "/t.csv.gz").labels == [1, 0])
  }

  @Test("every wrong line is told")
  func problems() throws {
    let text = message {
      try load(
        "1,0,1,2,3\n1,0,1,2\n2,0,256,1,1\n-1,1,1,1,1\n1,x,1,1,1\n1,1.5,1,1,1\n70000,1,1,1,1\n")
    }
    for part in [
      "6 problems", "line 2 has 4 columns, but the first has 5",
      "line 3, column 3: \"256\" is no pixel, a whole number from 0 to 255",
      "line 4, column 1: \"-1\" is no class", "line 5, column 2: \"x\" is no pixel",
      "line 6, column 2: \"1.5\" is no pixel", "line 7, column 1: \"70000\" is no class",
    ] { #expect(text.contains(part)) }
    #expect(message { try load("") }.contains("has no lines with images"))
    #expect(message { try load("label,a\n") }.contains("has no lines with images"))
    #expect(message { try load("hello\n") }.contains("line 1 has no commas"))
    #expect(
      message { try load("2,1\n", classNames: ["a", "b"]) }.contains(
        "label 0 is 2, but the 2 classes are 0...1"))
  }

  @Test("two thousand damaged tables are read or refused, never a crash")
  func damaged() throws {
    let folder = try TestFolder("tables")
    let source = Array("label,a,b,c,d\n1,2,3,4,5\n0,255,0,0,1.0\n".utf8)
    var random = SampleRandom(seed: 1, epoch: 0, index: 0)
    var refused = 0
    for _ in 0..<2000 {
      var bytes = source
      for _ in 0..<3 {
        bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 128))
      }
      let path = try folder.write("t.csv", Array(bytes.prefix(random.integer(below: 60) + 1)))
      do throws(DatasetError) {
        let set = try ImageSet.load(csv: path)
        #expect(set.pixels.count == set.count * set.height * set.width * set.channels)
      } catch {
        refused += 1
      }
    }
    #expect((500..<2000).contains(refused))
  }

  @Test("tensors in memory become a set")
  func tensors() {
    let images = Tensor([0, 0.5, 1, 0.25, 0.2, 0.4], shape: [2, 1, 1, 3])
    let set = ImageSet(images: images, labels: Tensor(integers: [2, 0]))
    #expect(set.description == "tensors: 2 images of 1 x 1 x 3, 3 classes")
    #expect(set.pixels == [0, 128, 255, 64, 51, 102] && set.labels == [2, 0])
  }
}

import TapestryFiles
import TestSupport
import Testing

@Suite("Resource limits")
struct ResourceLimitsTests {
  @Test("limits come from the environment, with units")
  func environment() {
    let texts = ["TAPESTRY_MEMORY_LIMIT": "16G", "TAPESTRY_INFLATION_LIMIT": "none"]
    let limits = ResourceLimits { texts[$0] }
    #expect(limits == ResourceLimits(memory: 16 << 30))
    #expect(ResourceLimits.number("1k") == 1024)
    #expect(ResourceLimits.number("4194304T") == 1 << 62)
    for text in ["", "G", "-1", "4194305T", "1.5G", "9223372036854775807"] {
      #expect(ResourceLimits.number(text) == nil, "\(text)")
    }
  }

  @Test("a scope sets them, and what is too large is refused with both figures")
  func refusal() {
    let text = withResourceLimits(ResourceLimits(memory: 1 << 20)) {
      message { try ResourceLimits.current.requireMemory(3 << 30, for: "a batch") }
    }
    #expect(
      text
        == "a batch would take 3.00 GiB of memory, but at most 1.00 MiB are allowed; raise the limit with "
        + "TAPESTRY_MEMORY_LIMIT")
    #expect(throws: Never.self) {
      try ResourceLimits.current.requireMemory(3 << 30, for: "a batch")
    }
    #expect(
      message { try ResourceLimits.current.requireArithmetic(nil, for: "the net") }
        == "the net would take more than 2^63 operations, but at most 1.00 T are allowed; raise the limit with "
        + "TAPESTRY_ARITHMETIC_LIMIT")
  }

  @Test("products and sums say when they do not fit, conversions when there is no such number")
  func arithmetic() {
    #expect(checkedProduct(3, 4, 5) == 60)
    #expect(checkedProduct(of: [Int]()) == 1)
    #expect(checkedProduct(.max, 2) == nil)
    #expect(checkedProduct(.max, 2, 0) == 0)
    #expect(checkedProduct(-1, 0) == nil)
    #expect(checkedProduct(0, -1) == nil)
    #expect(checkedSum(1, 2, 3) == 6)
    #expect(checkedSum(.max, 1) == nil)
    #expect(checkedSum(1, nil) == nil)
    #expect(checkedSum(1, -1) == nil)
    #expect(wholeNumber(2.5) == 2 || wholeNumber(2.5) == 3)
    for value in [Double.nan, .infinity, -.infinity, 1e19, -1e300, 0x1p63] {
      #expect(wholeNumber(value) == nil)
    }
    #expect(wholeNumber(-0x1p63) == .min)
    #expect(wholeNumber(1e300, in: 0...7) == 7)
    #expect(wholeNumber(-.infinity, in: 0...7) == 0)
    #expect(wholeNumber(.nan, in: 0...7) == 0)
    #expect(wholeNumber(4.4, in: 0...7) == 4)
    #expect(wholeNumber(1e300, in: 0 ... .max) == .max)
  }

  @Test("figures are written to three digits")
  func figures() {
    #expect(byteText(0) == "0 bytes")
    #expect(byteText(1023) == "1023 bytes")
    #expect(byteText(1 << 30) == "1.00 GiB")
    #expect(byteText(1_234_567_890_123) == "1.12 TiB")
    #expect(byteText(12_345_678) == "11.8 MiB")
    #expect(byteText(.max) == "8.00 EiB")
    #expect(countText(999) == "999")
    #expect(countText(1_800_000_000) == "1.80 G")
  }

  @Test("compressed data that grows beyond all measure is refused, whatever the caller would take")
  func bomb() throws {
    let zeros = try Gzip.compress([UInt8](repeating: 0, count: 20_000_000))
    let limits = ResourceLimits(inflation: 100)
    let text = withResourceLimits(limits) {
      message { try Gzip.decompress(zeros, limit: 1 << 40) }
    }
    #expect(
      text
        == "the compressed data of \(zeros.count) bytes inflates to more than 100 times its size; raise the limit "
        + "with TAPESTRY_INFLATION_LIMIT")
    let inflated = try withResourceLimits(ResourceLimits(inflation: 2000)) {
      try Gzip.decompress(zeros, limit: 20_000_000)
    }
    #expect(inflated.count == 20_000_000)
  }

  @Test("a portable map has a limit of pixels, like the other images")
  func pixels() throws {
    let map = Array("P5\n3 2\n255\n".utf8) + [UInt8](repeating: 7, count: 6)
    #expect(try RasterImage(portableMap: map, pixelLimit: 6).width == 3)
    #expect(
      message { try RasterImage(encoded: map, pixelLimit: 5) }
        == "image: portable map: the header states 3 x 2 pixels, more than the 5 that are read at most"
    )
    let large = Array("P5 9223372036854775807 9223372036854775807 255\n".utf8)
    #expect(throws: FileError.self) { try RasterImage(encoded: large) }
  }

  @Test("names are equal where their bytes are")
  func names() throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    #expect(composed == decomposed)
    #expect(ExactName(composed) != ExactName(decomposed))
    #expect(ExactNameSet([composed, decomposed]).count == 2)
    let json = try JSONValue(parsing: "{\"\(composed)\": 1, \"\(decomposed)\": 2}")
    #expect(json[composed] == 1)
    #expect(json[decomposed] == 2)
    let scratch = try Scratch()
    let path = scratch("both.safetensors")
    try SafetensorsFile.write(
      [
        SafetensorsItem(name: composed, shape: [1], elements: [Float(1)]),
        SafetensorsItem(name: decomposed, shape: [1], elements: [Float(2)]),
      ], to: path)
    let state = try SafetensorsState(path: path)
    let file = try SafetensorsFile(path: path)
    for (name, value) in [(composed, Float(1)), (decomposed, 2)] {
      #expect(try file.elements(of: #require(file[name])) == [value])
      #expect(state[name].map { Array($0.name.utf8) } == Array(name.utf8))
    }
  }
}

import TapestryFiles
import TapestryPictures
import Testing

@Suite("Letters")
struct LetterTests {
  /// A text in black, its base line 8 pixels above the border.
  private func picture(
    _ text: String, size: Double, isBold: Bool = false, width: Double = 60
  ) -> RasterImage {
    var figure = Figure(width: width, height: 60, title: "")
    figure.text(text, x: 4, y: 52, size: size, color: .rgb(0, 0, 0), isBold: isBold)
    return figure.raster(scale: 1)
  }

  private func darkness(_ image: RasterImage, _ x: Int, _ y: Int) -> Double {
    1 - Double(image.samples[3 * (y * image.width + x)]) / 255
  }

  private func ink(_ image: RasterImage) -> Double {
    image.samples.reduce(0) { $0 + 255 - Double($1) } / 255 / 3
  }

  @Test("the l is a bar of the right size, with smooth edges", arguments: [9.0, 12, 17.3, 40])
  func bar(size: Double) {
    // Of 2048 units: from 193 to 377 and from 0 to 1556.
    let image = picture("l", size: size)
    #expect(abs(ink(image) - 184 * 1556 / 2048 / 2048 * size * size) < 0.5)
    let row = (0..<60).map { darkness(image, $0, 50) }
    #expect(abs(row.reduce(0, +) - 184 / 2048 * size) < 0.05)
    let left = 4 + 193 / 2048 * size
    #expect(abs(row[Int(left)] - min(1 - (left - left.rounded(.down)), 184 / 2048 * size)) < 0.01)
  }

  @Test("the o has a hole, and its ring turns dark and light by degrees")
  func hole() {
    let image = picture("o", size: 60)
    // Of 2048 units: the middle is at 627, 556.
    let (x, y) = (Int(4 + 627.0 / 2048 * 60), Int(52 - 556.0 / 2048 * 60))
    #expect(darkness(image, x, y) == 0)
    let row = (0..<60).map { darkness(image, $0, y) }
    #expect(row.count { $0 == 1 } > 8)
    #expect(row.contains { $0 > 0.1 && $0 < 0.9 })
  }

  @Test("accents may stand behind their letters; what the font does not have is a box")
  func accents() {
    #expect(picture("\u{E9}", size: 30).samples == picture("e\u{301}", size: 30).samples)
    #expect(picture("é", size: 30).samples != picture("e", size: 30).samples)
    #expect(picture("漢", size: 30).samples == picture("字", size: 30).samples)
    #expect(ink(picture("漢", size: 30)) > 20)
    #expect(ink(picture("  ", size: 30)) == 0)
    #expect(ink(picture("Größe Ω ж − …", size: 6, width: 90)) > 20)
  }

  @Test("bold letters have more ink")
  func bold() {
    #expect(ink(picture("m", size: 30, isBold: true)) > 1.3 * ink(picture("m", size: 30)))
  }

  @Test("a text is as wide as it is drawn", arguments: ["illi", "WWW", "Tapestry 0.25", "×·–"])
  func widths(text: String) {
    let image = picture(text, size: 20, width: 200)
    let last = (0..<200).last { x in (0..<60).contains { darkness(image, x, $0) > 0 } } ?? 0
    let width = textWidth(text, size: 20)
    #expect(Double(last) - 4 < width && Double(last) - 4 > width - 4)
  }

  @Test("a text that is too wide loses its middle")
  func fitting() {
    #expect(fitted("short", width: 100, size: 11) == "short")
    let long = "inception4a.branch3.1.conv.weight"
    let cut = fitted(long, width: 100, size: 11)
    #expect(textWidth(cut, size: 11) <= 100)
    #expect(cut.hasPrefix("ince") && cut.hasSuffix("ight") && cut.contains("…"))
    #expect(fitted("WW", width: 1, size: 11) == "W")
    #expect(fitted("", width: 1, size: 11) == "")
  }
}

@Suite("Texts")
struct TextTests {
  @Test("XML and HTML")
  func escaping() {
    #expect(escaped("a<b>&\"c'\u{1}\n") == "a&lt;b&gt;&amp;&quot;c&#39;?\n")
  }

  @Test("base 64 has a letter for six bits and fills up with =")
  func base64Text() {
    #expect(base64(Array("light w".utf8)) == "bGlnaHQgdw==")
    #expect(base64(Array("light wo".utf8)) == "bGlnaHQgd28=")
    #expect(base64(Array("light wor".utf8)) == "bGlnaHQgd29y")
    #expect(base64([]) == "")
  }

  @Test("numbers")
  func numbers() {
    #expect([1, -0.5, 2.347, 2.999, .nan].map(number) == ["1", "-0.5", "2.35", "3", "0"])
    #expect([0.5, 0.9876, 1].map(percent) == ["50 %", "98.8 %", "100 %"])
    #expect(
      [0, 0.012345, -1.5, 2.1e-7, 123456789].map(threeDigits) == [
        "0", "0.0123", "-1.5", "2.1e-7", "1.23e8",
      ])
  }
}

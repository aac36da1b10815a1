import TapestryFiles
import TapestryPictures
import TestSupport
import Testing

@Suite("Figures")
struct FigureTests {
  private func pixel(_ image: RasterImage, _ x: Int, _ y: Int) -> [UInt16] {
    Array(
      image.samples[
        (y * image.width + x) * image.channels..<(y * image.width + x + 1) * image.channels])
  }

  /// A picture from black to white.
  private let image = RasterImage(width: 2, height: 2, channels: 1, bytes: [0, 85, 170, 255])

  @Test("a figure has the same things at the same places as SVG and as pixels")
  func figure() {
    var figure = Figure(width: 40, height: 20, title: "a < b")
    figure.rectangle(x: 10, y: 5, width: 4, height: 3, color: .rgb(10, 20, 30))
    figure.image(
      RasterImage(width: 2, height: 1, channels: 1, bytes: [0, 255]), x: 20, y: 0, width: 8,
      height: 4)
    figure.line([(0, 19), (40, 19)], width: 1, color: .rgb(200, 0, 0))
    let svg = figure.svg().text
    #expect(isWellFormed(svg))
    #expect(svg.contains("<title>a &lt; b</title>"))
    #expect(svg.contains("x=\"10\" y=\"5\" width=\"4\" height=\"3\" fill=\"rgb(10,20,30)\""))
    #expect(svg.contains("href=\"data:image/png;base64,iVBORw0KGgo"))
    let image = figure.raster(scale: 3)
    #expect(image.width == 120 && image.height == 60)
    #expect(pixel(image, 29, 15) == [255, 255, 255])
    #expect(pixel(image, 30, 15) == [10, 20, 30])
    #expect(pixel(image, 41, 23) == [10, 20, 30])
    #expect(pixel(image, 42, 23) == [255, 255, 255])
    #expect(pixel(image, 71, 5) == [0, 0, 0])
    #expect(pixel(image, 72, 5) == [255, 255, 255])
    #expect(pixel(image, 60, 57) == [200, 0, 0])
    #expect(elementsWithoutPlainColors(inSVG: svg) == [])
  }

  @Test("a figure is written as SVG or PNG, as its name ends")
  func writing() throws {
    let scratch = try Scratch()
    var figure = Figure(width: 4, height: 4, title: "t")
    figure.rectangle(x: 0, y: 0, width: 4, height: 4, color: .rgb(1, 2, 3))
    try figure.write(to: scratch("a.png"))
    try figure.write(to: scratch("a.svg"))
    let image = try RasterImage(contentsOf: scratch("a.png"))
    #expect(image.width == 8 && pixel(image, 3, 3) == [1, 2, 3])
    let text = String(
      decoding: try readPossiblyCompressed(scratch("a.svg"), limit: 1 << 20), as: UTF8.self)
    #expect(text == figure.svg().text)
  }

  @Test("a sheet wraps its pictures and makes room for every caption")
  func sheet() {
    let items = (0..<10).map { Sheet.Item(image, caption: "picture \($0)") }
    let narrow = Sheet(title: "t", sections: [.init("h", items)], width: 200).figure()
    let wide = Sheet(title: "t", sections: [.init("h", items)], width: 2000).figure()
    #expect(narrow.height > wide.height && narrow.width < wide.width)
    #expect(narrow.width <= 240)
    let text = wide.svg().text
    #expect((0..<10).allSatisfy { text.contains(">picture \($0)</text>") })
    #expect(text.components(of: "<image ") == 10)
  }

  @Test("captions of any length lie beside one another", arguments: [60.0, 200, 760])
  func captions(width: Double) {
    let words = ["i", "WWWWWWWWWW", "a caption much longer than its picture", "é", "漢字", "0.5 %"]
    let items = (0..<20).map { Sheet.Item(image, caption: words[$0 % words.count]) }
    let sheet = Sheet(
      title: "title of a sheet",
      sections: [.init("one", items, itemSize: 20), .init("two", items)],
      width: width)
    let figure = sheet.figure()
    let svg = figure.svg().text
    #expect(textBoxes(inSVG: svg).count == 43)
    #expect(collisions(inSVG: svg) == [])
    #expect(textBoxes(inSVG: svg).allSatisfy { $0.left >= 0 && $0.right <= figure.width })
  }

  @Test("a line in dashes covers its dashes and no gap")
  func dashes() {
    var figure = Figure(width: 30, height: 3, title: "")
    figure.line([(0, 1.5), (30, 1.5)], width: 1, dashes: [4, 2], color: .rgb(0, 0, 0))
    let row = (0..<30).map { pixel(figure.raster(scale: 1), $0, 1)[0] == 0 }
    #expect(row == (0..<30).map { $0 % 6 < 4 })
    #expect(figure.svg().text.contains("stroke-dasharray=\"4 2\""))
  }

  @Test("a disc and a slanted line cover their areas")
  func areas() {
    func ink(_ figure: Figure) -> Double {
      figure.raster(scale: 4).samples.reduce(0) { $0 + 255 - Double($1) } / 255 / 3 / 16
    }
    var disc = Figure(width: 40, height: 40, title: "")
    disc.disc(x: 20.3, y: 19.7, radius: 12, color: .rgb(0, 0, 0))
    // A polygon of 16 sides is smaller than its circle by 2.6 %.
    #expect(abs(ink(disc) - 0.974 * .pi * 144) < 2)
    var line = Figure(width: 40, height: 40, title: "")
    line.line([(5, 8), (35, 31)], width: 3, color: .rgb(0, 0, 0))
    #expect(abs(ink(line) - 3 * 37.80) < 1)
  }

  @Test("what lies outside, or nowhere, is left out")
  func outside() {
    var figure = Figure(width: 4, height: 4, title: "")
    for far in [-1e300, -50, 50, 1e300, .infinity, .nan] {
      figure.rectangle(x: far, y: 1, width: 2, height: 2, color: .rgb(0, 0, 0))
      figure.line([(far, 1), (far, 2)], width: 1, color: .rgb(0, 0, 0))
      figure.disc(x: 1, y: far, radius: 1, color: .rgb(0, 0, 0))
    }
    #expect(figure.raster().samples.allSatisfy { $0 == 255 })
    figure.line([(-1e9, 2), (1e9, 2)], width: 2, color: .rgb(0, 0, 0))
    #expect(pixel(figure.raster(scale: 1), 2, 2) == [0, 0, 0])
    #expect(pixel(figure.raster(scale: 1), 2, 0) == [255, 255, 255])
  }
}

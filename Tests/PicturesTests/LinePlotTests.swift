import TapestryFiles
import TapestryPictures
import TestSupport
import Testing

@Suite("Line plots")
struct LinePlotTests {
  private func plot(_ points: [(x: Double, y: Double)], isLogarithmic: Bool = false) -> LinePlot {
    LinePlot(
      title: "title", horizontalLabel: "rate", isLogarithmic: isLogarithmic,
      panels: [LinePlot.Panel("loss", [LinePlot.Series("one", points)])])
  }

  @Test("a curve goes from corner to corner of round axes")
  func corners() {
    let svg = plot([(0, 0), (10, 1)]).svg
    // 76 at the left, 720 - 24 at the right, 54 above and 200 below that.
    #expect(svg.contains("points=\"76,254 696,54\""))
    for text in [">0.2<", ">0.8<", ">1<", ">10<", ">rate<", ">title<"] {
      #expect(svg.contains(text), "\(text)")
    }
  }

  @Test("a logarithmic axis puts powers of ten at equal distances")
  func logarithmic() {
    let svg = plot([(1e-4, 0), (1e-3, 1), (1e-2, 0)], isLogarithmic: true).svg
    #expect(svg.contains("points=\"76,254 386,54 696,254\""))
    for text in [">1e-4<", ">0.001<", ">0.01<"] { #expect(svg.contains(text), "\(text)") }
  }

  @Test(
    "no data, one point, equal values and values that are not finite are drawn all the same",
    arguments: [
      [], [(1, 2)], [(1, 2), (2, 2)], [(1, .nan), (2, .infinity), (3, 1)],
      [(1, 1e300), (2, -1e300)], [(1, 9e15)], [(1, 9e15), (2, 9e15 + 2)], [(9e15, 1)],
      [(1, 1e308), (2, -1e308)], [(-1e308, 0), (1e308, 1)], [(.nan, 1), (.infinity, 2), (3, 4)],
      [(1, .leastNonzeroMagnitude), (2, 0)], [(1e-300, 1), (1e300, 2)],
      [(1, .greatestFiniteMagnitude), (2, -.greatestFiniteMagnitude)], [(1, 1e16), (1, 1e16)],
    ] as [[(x: Double, y: Double)]])
  func odd(points: [(x: Double, y: Double)]) {
    for isLogarithmic in [false, true] {
      let plot = plot(points, isLogarithmic: isLogarithmic)
      #expect(plot.svg.hasSuffix("</svg>\n") && !plot.svg.contains("nan"))
      #expect(plot.raster().width == 1440)
    }
  }

  @Test("a curve of very many points keeps its peaks")
  func thinned() {
    var points = (0..<100_000).map { (x: Double($0), y: 0.0) }
    points[33_333].y = 1
    points[77_777].y = -1
    let svg = plot(points).svg
    // The top and the bottom of the panel.
    #expect(svg.contains(",54 ") && svg.contains(",254 "))
    #expect(svg.utf8.count < 200_000)
  }

  @Test("marks and ranges that are not finite leave the rest of the plot as it is")
  func oddMarks() {
    let series = [LinePlot.Series("one", [(0, 0), (10, 1)])]
    let marks = [(x: Double.nan, text: "a"), (1e300, "b"), (-1e300, "c"), (5, "middle")]
    for range in [nil, 0...Double.infinity, -Double.infinity...1, 3...3] {
      let plot = LinePlot(
        title: "", horizontalLabel: "x",
        panels: [LinePlot.Panel("y", series, range: range, marks: marks)])
      #expect(plot.svg.contains(">middle<") && !plot.svg.contains(">a<"))
      #expect(plot.raster().width == 1440)
    }
  }

  @Test("the pixels have the curve where the drawing has it")
  func raster() {
    let image = plot([(0, 0), (10, 1)]).raster()
    func pixel(_ x: Int, _ y: Int) -> [UInt16] {
      Array(image.samples[3 * (y * image.width + x)..<3 * (y * image.width + x) + 3])
    }
    // The middle of the line, in two pixels a unit; and the white beside it.
    #expect(pixel(772, 308) == [0x2F, 0x6F, 0xD0])
    #expect(pixel(800, 368) == [255, 255, 255])
    // The numbers at the left are written in gray.
    let ink = (0..<image.height).contains { row in
      (0..<140).contains { pixel($0, row)[0] < 0x90 }
    }
    #expect(ink)
  }

  @Test("no text lies on another, however many marks, curves and powers of ten there are")
  func collisionFree() {
    let points = (0..<60).map { (x: [1e-30, 1e30][$0 % 2], y: Double($0)) }
    let series = (0..<6).map { LinePlot.Series("a curve with the long name \($0)", points) }
    let marks = [1e-3, 2e-3, 3e-3, 1e30].map { (x: $0, text: "a mark at \($0)") }
    let plot = LinePlot(
      title: "a title that is much too long for a picture of this width, "
        + String(repeating: "and longer ", count: 20), horizontalLabel: "rate",
      isLogarithmic: true,
      panels: [LinePlot.Panel("one", series, marks: marks), LinePlot.Panel("two", series)])
    #expect(collisions(inSVG: plot.svg) == [])
    #expect(textBoxes(inSVG: plot.svg).allSatisfy { $0.left >= 0 && $0.right <= 720 })
    #expect(elementsWithoutPlainColors(inSVG: plot.svg) == [])
    for mark in marks { #expect(plot.svg.contains(">\(mark.text)<")) }
  }
}

import Tapestry
import TapestryFiles
import TapestryInsight
import TapestryPictures
import TestSupport
import Testing

@Suite("Pictures")
struct PictureTests {
  private func pixel(_ image: RasterImage, _ x: Int, _ y: Int) -> [UInt16] {
    Array(
      image.samples[
        (y * image.width + x) * image.channels..<(y * image.width + x + 1) * image.channels])
  }

  @Test("gray runs from the smallest to the largest, signed from blue over white to red")
  func scales() {
    let gray = RasterImage(plane: [-1, 0, 1, 3], height: 2, width: 2)
    #expect(gray.samples == [0, 64, 128, 255])
    let signed = RasterImage(plane: [-2, 0, 2, 1], height: 1, width: 4, scale: .signed)
    #expect(pixel(signed, 0, 0) == [33, 102, 172])
    #expect(pixel(signed, 1, 0) == [255, 255, 255])
    #expect(pixel(signed, 2, 0) == [178, 24, 43])
    let heat = RasterImage(plane: [0, 1, 2, 3], height: 1, width: 4, scale: .heat)
    #expect(heat.samples == [0, 0, 0, 255, 0, 0, 255, 255, 0, 255, 255, 255])
    let flat = RasterImage(plane: [7, 7], height: 1, width: 2)
    #expect(flat.samples == [128, 128])
  }

  @Test("a picture of three channels keeps its colours on one scale")
  func colours() {
    let tensor = Tensor([0, 1, 2, 3, 4, 5], shape: [1, 3, 1, 2])
    let image = RasterImage(picture: tensor)
    #expect(image.channels == 3 && image.width == 2 && image.height == 1)
    #expect(image.samples == [0, 102, 204, 51, 153, 255])
    let mean = RasterImage(picture: Tensor([0, 2, 2, 4], shape: [2, 1, 2]))
    #expect(mean.channels == 1 && mean.samples == [0, 255])
  }

  @Test("a map laid over a picture colours it where it is large and leaves it where it is zero")
  func overlay() {
    let image = RasterImage(plane: [0.5, 0.5, 0.5, 0.5], height: 2, width: 2, range: 0...1)
    let laid = image.overlaid(Tensor([0, 0, 1, 1], shape: [2, 2]), strength: 1)
    #expect(pixel(laid, 0, 0) == [128, 128, 128])
    #expect(pixel(laid, 1, 1) == [255, 255, 155])
  }

  @Test("filters: a picture each; planes in rows where a filter has several")
  func filters() {
    let gray = filterSheet(.uniform([5, 1, 3, 3]), title: "f")
    #expect(gray.sections.count == 1 && gray.sections[0].items.count == 5)
    let colour = filterSheet(.uniform([70, 3, 3, 3]), title: "f")
    #expect(colour.sections[0].items.count == 64)
    #expect(colour.sections[0].heading == "the first 64 of 70 filters")
    #expect(colour.sections[0].items[0].image.channels == 3)
    let deep = filterSheet(.uniform([2, 20, 3, 3]), title: "f")
    #expect(deep.sections.map(\.items.count) == [16, 16])
    #expect(deep.sections[1].heading == "filter 1, the first 16 of 20 planes")
  }

  @Test("maps: a row per op that gives some, the first the image")
  func maps() {
    let net = LeNet5()
    let x = Tensor.uniform([1, 1, 32, 32])
    let outputs = net.layerOutputs(of: x)
    #expect(outputs.count == 12)
    let sheet = mapSheet(outputs, image: x, title: "maps", limit: 8)
    #expect(sheet.sections.map(\.items.count) == [1, 6, 6, 6, 8, 8, 8, 8, 8])
    #expect(sheet.sections[4].heading == "c3: conv2d [1, 16, 10, 10], the first 8 maps")
    #expect(outputs[1].operation == "tanh" && outputs[1].layer == "tanh1")
    #expect(outputs[1].value.scalars() == tanh(outputs[0].value).scalars())
  }

  @Test("a histogram counts every number once, the ends included")
  func histogram() {
    let histogram = Histogram(of: Tensor([0, 1, 1, 2, 4, .nan, .infinity]), bins: 4)
    #expect(histogram.counts == [1, 2, 1, 1])
    #expect(histogram.range == 0...4)
    #expect(histogram.nonFiniteCount == 2)
    #expect(abs(histogram.mean - 1.6) < 1e-6)
    #expect(abs(histogram.deviation - 1.3564659966) < 1e-6)
    let same = Histogram(of: .full([9], 3), bins: 3)
    #expect(same.counts == [9, 0, 0])
    let net = LeNet5()
    let all = net.histograms()
    #expect(all.map(\.name) == net.namedParameters.map(\.name))
    #expect(all.map { $0.histogram.counts.reduce(0, +) } == net.parameters.map(\.count))
    let svg = histogramFigure(all, title: "weights").svg().text
    #expect(isWellFormed(svg) && svg.contains(">c3.weight</text>"))
    let long = all.map { ("a.long.path.of.blocks.that.leads.to.\($0.name)", $0.histogram) }
    #expect(collisions(inSVG: histogramFigure(long, title: "weights").svg().text) == [])
  }

  @Test("a confusion matrix has its counts, names and shares")
  func confusion() {
    let evaluation = Evaluation(loss: 0, confusion: [[8, 2], [0, 0]], seconds: 0)
    let svg = confusionFigure(evaluation, classNames: ["cat", "dog"], title: "pets").svg().text
    #expect(isWellFormed(svg))
    #expect(svg.contains("accuracy 80 % · 8 of 10 right"))
    #expect(svg.contains(">8</text>") && svg.contains(">2</text>") && svg.contains(">cat</text>"))
    #expect(svg.components(of: "80 %") == 2)
    let names = ["automobile", "aeroplane", "i", "a class with a name of many words"]
    let counts = names.indices.map { row in names.indices.map { 1000 * row + $0 } }
    for title in ["t", "a title that is wider than the matrix below it"] {
      let figure = confusionFigure(
        Evaluation(loss: 0, confusion: counts, seconds: 0), classNames: names, title: title)
      let svg = figure.svg().text
      #expect(collisions(inSVG: svg) == [] && elementsWithoutPlainColors(inSVG: svg) == [])
      #expect(textBoxes(inSVG: svg).allSatisfy { $0.right <= figure.width })
    }
  }

  @Test("the worst mistakes are those with the least probability for the truth")
  func mistakes() throws {
    // One pixel per image; the logits are 0 and its number.
    let layer = Linear(1, 2)
    layer.weight.value = Tensor([0, 1], shape: [2, 1])
    layer.bias!.value = .zeros([2])
    let net = Sequential(Flatten(), layer).named()
    let set = ImageSet(
      name: "dots", height: 1, width: 1, classNames: ["dark", "light"], labels: [0, 1, 0, 0, 1],
      pixels: [10, 200, 250, 100, 0])
    let loader = try BatchLoader(set, batchSize: 2, shuffled: false)
    let found = worstMistakes(of: net, on: loader, count: 2)
    #expect(found.map(\.index) == [2, 3])
    #expect(found.map(\.truth) == [0, 0] && found.map(\.answer) == [1, 1])
    let odds = exp(Tensor([250.0 / 255])).item
    #expect(abs(found[0].probabilities[1] - odds / (1 + odds)) < 1e-6)
    let sheet = mistakeSheet(found, classNames: set.classNames, title: "m")
    #expect(sheet.sections[0].items[0].caption == "dark 27.3 % / light 72.7 %")
    #expect(worstMistakes(of: net, on: loader, count: 50).count == 4)
  }
}

import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

@Suite("Transforms")
struct TransformTests {
  private let image = Planes(
    channels: 3, height: 6, width: 8, values: (0..<144).map { Float($0 % 97) / 97 })

  private func apply(
    _ augmentation: Augmentation, to image: Planes, index: Int = 0, epoch: Int = 0
  ) -> Planes {
    var random = SampleRandom(seed: 3, epoch: epoch, index: index)
    return augmentation.applied(to: image, random: &random)
  }

  private static let every =
    "pad:1:edge,crop:2:reflect,random-crop:6x7,resized-crop:6x8:0.5:0.9,resize:12x16:area,center-crop:9,"
    + "flip:1,flip-vertical:0.25,rotate:20,translate:0.1,scale:0.9:1.1,shear:5,"
    + "jitter:0.2:0.3:0.4:0.1,grayscale:0.5,normalize:0.5:0.25,cutout:3:0.5:0.5"

  @Test("the picture depends on seed, epoch and index alone, and on each of them")
  func determinism() throws {
    let augmentation = try Augmentation(Self.every)
    let first = apply(augmentation, to: image)
    #expect(apply(augmentation, to: image) == first)
    #expect(apply(augmentation, to: image, index: 1) != first)
    #expect(apply(augmentation, to: image, epoch: 1) != first)
    var other = SampleRandom(seed: 4, epoch: 0, index: 0)
    #expect(augmentation.applied(to: image, random: &other) != first)
    #expect(first.size == (try augmentation.outputSize(for: image.size)))
  }

  @Test("numbers of neighbouring images and epochs are independent")
  func independence() {
    var seen: Set<UInt64> = []
    for seed in 0..<4 as Range<UInt64> {
      for epoch in 0..<10 {
        for index in 0..<50 {
          var random = SampleRandom(seed: seed, epoch: epoch, index: index)
          for _ in 0..<3 { seen.insert(random.next()) }
        }
      }
    }
    #expect(seen.count == 4 * 10 * 50 * 3)
    let units = (0..<20_000).map { index in
      var random = SampleRandom(seed: 0, epoch: 0, index: index)
      return random.unit()
    }
    #expect(abs(units.reduce(0, +) / 20_000 - 0.5) < 0.01)
    #expect(units.allSatisfy { $0 >= 0 && $0 < 1 })
  }

  @Test("crop shifts by every amount up to the padding")
  func crop() {
    let dot = Planes(channels: 1, height: 5, width: 5, values: (0..<25).map { $0 == 12 ? 1 : 0 })
    var places: Set<Int> = []
    for index in 0..<500 {
      let shifted = apply([.crop(padding: 1)], to: dot, index: index)
      #expect(shifted.values.reduce(0, +) == 1)
      places.insert(shifted.values.firstIndex(of: 1) ?? -1)
    }
    #expect(places == [6, 7, 8, 11, 12, 13, 16, 17, 18])
  }

  @Test("flips happen with their probability")
  func flip() {
    let flipped = (0..<2000).count { index in
      apply([.flip(probability: 0.3)], to: image, index: index) == image.flippedHorizontally()
    }
    #expect((520...680).contains(flipped))
    #expect(apply([.flip(probability: 1)], to: image) == image.flippedHorizontally())
    #expect(apply([.flipVertically(probability: 1)], to: image) == image.flippedVertically())
    #expect(apply([.flip(probability: 0)], to: image) == image)
  }

  @Test("geometric steps move what they should, and nothing by nothing")
  func geometry() {
    for step in [
      Transform.rotate(degrees: 0), .translate(share: 0), .scale(1...1), .shear(degrees: 0),
    ] {
      #expect(apply([step], to: image) == image)
    }
    // A bright square in the middle of black.
    var square = Planes(channels: 1, height: 21, width: 21)
    for row in 8...12 { for column in 8...12 { square[0, row, column] = 1 } }
    func centre(_ planes: Planes) -> (x: Float, y: Float, sum: Float) {
      var (x, y, sum): (Float, Float, Float) = (0, 0, 0)
      for row in 0..<planes.height {
        for column in 0..<planes.width {
          let value = planes[0, row, column]
          x += value * Float(column)
          y += value * Float(row)
          sum += value
        }
      }
      return (x / sum, y / sum, sum)
    }
    for index in 0..<50 {
      let turned = centre(apply([.rotate(degrees: 45)], to: square, index: index))
      #expect(abs(turned.x - 10) < 0.01 && abs(turned.y - 10) < 0.01)
      #expect(abs(turned.sum - 25) < 0.5)
      let moved = centre(apply([.translate(share: 0.2)], to: square, index: index))
      #expect(abs(moved.x - 10) <= 4.21 && abs(moved.y - 10) <= 4.21)
      #expect(abs(moved.sum - 25) < 0.01)
      let larger = centre(apply([.scale(1.5...1.5)], to: square, index: index))
      // In a row: seven whole pixels, and a third of one on each side.
      #expect(abs(larger.sum - 529.0 / 9) < 0.01 && abs(larger.x - 10) < 0.01)
    }
    let moves = (0..<50).map { centre(apply([.translate(share: 0.2)], to: square, index: $0)).x }
    #expect((moves.max() ?? 0) > 12 && (moves.min() ?? 99) < 8)
    // Neighbours are applied in their order: moved, then turned about the middle.
    let both: Augmentation = [.translate(share: 0.2), .rotate(degrees: 180)]
    let distances = (0..<50).map { index in
      let place = centre(apply(both, to: square, index: index))
      return ((place.x - 10) * (place.x - 10) + (place.y - 10) * (place.y - 10)).squareRoot()
    }
    #expect((distances.max() ?? 0) > 3)
  }

  @Test("a quarter turn is exact, counterclockwise")
  func quarterTurn() {
    // Turning by 90 degrees to either side: found by trying.
    var image = Planes(channels: 1, height: 3, width: 3)
    image[0, 0, 1] = 1
    var brightest: Set<Int> = []
    for index in 0..<400 {
      let turned = apply([.rotate(degrees: 90)], to: image, index: index).values
      if let place = turned.firstIndex(where: { $0 > 0.99 }) { brightest.insert(place) }
    }
    // From the top to the left and to the right, never to the bottom.
    #expect(brightest.isSubset(of: [1, 3, 5]) && brightest.count >= 2)
  }

  @Test("colours: gray, brightness and hue keep within 0 ... 1")
  func colors() {
    let red = Planes(channels: 3, height: 1, width: 1, values: [1, 0, 0])
    let gray = apply([.grayscale()], to: red).values
    #expect(gray.allSatisfy { abs($0 - 0.299) < 1e-6 })
    for index in 0..<200 {
      let changed = apply(
        [.jitter(brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5)], to: image,
        index: index)
      #expect(changed.values.allSatisfy { $0 >= 0 && $0 <= 1 })
    }
    #expect(apply([.jitter(brightness: 0)], to: image) == image)
    // The hue alone keeps the largest and the smallest of the three.
    for index in 0..<50 {
      let turned = apply([.jitter(brightness: 0, hue: 0.5)], to: red, index: index).values
      #expect(abs((turned.max() ?? 0) - 1) < 1e-5 && abs(turned.min() ?? 1) < 1e-5)
    }
    let one = Planes(channels: 1, height: 2, width: 2, values: [0.1, 0.2, 0.3, 0.4])
    #expect(apply([.jitter(brightness: 0, saturation: 1, hue: 0.5), .grayscale()], to: one) == one)
    #expect(
      apply([.normalize(mean: 0.1, deviation: 0.1)], to: one).values.map { ($0 * 10).rounded() }
        == [0, 10, 20, 30])
  }

  @Test("cutout covers a square, at the edges a part of one")
  func cutout() {
    let white = Planes(channels: 2, height: 10, width: 10, value: 1)
    var areas: Set<Int> = []
    for index in 0..<300 {
      let covered = apply([.cutout(side: 4, fill: 0.5)], to: white, index: index)
      let area = covered.values.count { $0 == 0.5 }
      #expect(area % 2 == 0 && covered.values.allSatisfy { $0 == 1 || $0 == 0.5 })
      areas.insert(area / 2)
    }
    #expect(areas.max() == 16 && areas.min() == 4)
  }

  @Test("a resized crop has the wanted share of the area")
  func resizedCrop() {
    // The image tells columns and rows, so that the part can be read off.
    var ramp = Planes(channels: 1, height: 100, width: 100)
    for row in 0..<100 { for column in 0..<100 { ramp[0, row, column] = Float(column) } }
    var widths: [Float] = []
    for index in 0..<200 {
      let part = apply(
        [.resizedCrop(height: 10, width: 10, area: 0.25...0.25)], to: ramp, index: index)
      #expect(part.size == ImageSize(channels: 1, height: 10, width: 10))
      widths.append((part[0, 0, 9] - part[0, 0, 0]) / 0.9)
    }
    // 50 pixels, times the root of proportions from 3:4 to 4:3.
    #expect((widths.min() ?? 0) > 41 && (widths.max() ?? 0) < 60)
    #expect((widths.max() ?? 0) - (widths.min() ?? 0) > 8)
  }

  @Test("steps that do not suit the images are refused")
  func sizes() throws {
    let size = ImageSize(channels: 1, height: 20, width: 24)
    #expect(
      try Augmentation("pad:2,random-crop:16x20,resize:32").outputSize(for: size)
        == ImageSize(channels: 1, height: 32, width: 32))
    #expect(
      message { try Augmentation("resize:16,center-crop:20").outputSize(for: size) }
        == "augmentation: center-crop:20x20 is larger than the images, which are 1 x 16 x 16 there")
    #expect(
      message { try Augmentation("crop:20:reflect").outputSize(for: size) }
        == "augmentation: crop:20:reflect mirrors more than there is of 1 x 20 x 24")
  }

  @Test("for test images parts are cut from the middle, and chance is left out")
  func evaluation() throws {
    let augmentation = try Augmentation(
      "pad:2,crop:4,random-crop:16,flip,resized-crop:24,rotate:9,grayscale,grayscale:0.5,mixup")
    #expect(
      augmentation.forEvaluation.description
        == "pad:2:constant:0,center-crop:16x16,resize:24x24,grayscale:1")
    #expect(augmentation.mixes && !augmentation.forEvaluation.mixes)
  }

  @Test("a transform of the program's own is applied in its place")
  func custom() {
    let invert = CustomTransform("invert") { planes, _ in
      for i in planes.values.indices { planes.values[i] = 1 - planes.values[i] }
    }
    let white = Planes(channels: 1, height: 2, width: 2, value: 1)
    #expect(apply([.custom(invert)], to: white).values == [0, 0, 0, 0])
    #expect(Augmentation([.custom(invert)]).description == "invert")
  }
}

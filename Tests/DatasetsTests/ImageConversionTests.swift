import TapestryDatasets
import TapestryGraph
import TestSupport
import Testing

@Suite("Images as tensors")
struct ImageConversionTests {
  @Test(
    "a digit is exactly value / 16, each pixel a 4 x 4 block",
    arguments: [DType.float32, .float64])
  func digits(dtype: DType) throws {
    let digits = ImageSet.digits
    let batch = try digits.batch(of: [5, 1796, 0], height: 32, width: 32, dtype: dtype)
    #expect(batch.images.spec == TensorSpec([3, 1, 32, 32], dtype))
    #expect(batch.labels.spec == TensorSpec([3], .int64))
    #expect(batch.labels.integers() == [5, 8, 0])
    #expect(batch.indices == [5, 1796, 0])
    let values = batch.images.scalars()
    for (n, index) in batch.indices.enumerated() {
      for row in 0..<32 {
        for column in 0..<32 {
          let pixel = digits[index].pixel(row: row / 4, column: column / 4)
          #expect(values[(n * 32 + row) * 32 + column] == Double(pixel) / 16)
        }
      }
    }
  }

  @Test("every byte becomes the nearest float32 of its share of 255")
  func bytes() throws {
    let set = ImageSet(
      name: "all", height: 16, width: 16, classNames: ["x"], labels: [0], pixels: Array(0...255))
    #expect(
      try set.batch(of: [0]).images.scalars(as: Float.self) == (0...255).map { Float($0) / 255 })
    #expect(
      try set.batch(of: [0], dtype: .float64).images.scalars() == (0...255).map { Double($0) / 255 }
    )
  }

  @Test(
    "every pixel is where the placement says, and black is around it",
    arguments: [(2, 3, 2, 3), (2, 3, 4, 6), (2, 3, 5, 8), (2, 3, 9, 9), (1, 1, 3, 7), (4, 2, 4, 9)])
  func placement(sourceHeight: Int, sourceWidth: Int, height: Int, width: Int) throws {
    let (count, channels) = (3, 2)
    let set = ImageSet(
      name: "numbered", channels: channels, height: sourceHeight, width: sourceWidth,
      classNames: ["x"], labels: [0, 0, 0],
      pixels: (0..<count * channels * sourceHeight * sourceWidth).map { UInt8($0 + 1) })
    let scaling = try ImageScaling(
      sourceHeight: sourceHeight, sourceWidth: sourceWidth, height: height, width: width)
    let normalization = Normalization(mean: [0.25, 0.5], deviation: [2, 0.125])
    let order = [2, 0, 1]
    let images = try set.batch(
      of: order, height: height, width: width, normalization: normalization, dtype: .float64
    ).images
    #expect(images.shape == [count, channels, height, width])
    var expected: [Double] = []
    for image in order {
      for channel in 0..<channels {
        for row in 0..<height {
          for column in 0..<width {
            let y = row - scaling.top
            let x = column - scaling.left
            let isInside =
              y >= 0 && y < sourceHeight * scaling.factor && x >= 0
              && x < sourceWidth * scaling.factor
            let pixel =
              isInside
              ? set[image].pixel(
                channel: channel, row: y / scaling.factor, column: x / scaling.factor) : 0
            expected.append(
              (Double(pixel) / 255 - normalization.mean[channel]) / normalization.deviation[channel]
            )
          }
        }
      }
    }
    #expect(images.scalars() == expected)
  }

  @Test("no images are an empty tensor")
  func empty() throws {
    let batch = try smallSet.batch(of: [], height: 4, width: 4)
    #expect(batch.count == 0)
    #expect(batch.images.shape == [0, 3, 4, 4])
    #expect(batch.labels.shape == [0])
  }

  @Test("images larger than the target are refused")
  func tooLarge() {
    #expect(
      message { try ImageSet.digits.batch(of: [0], height: 7) }
        == "images of 8 x 8 do not fit into 7 x 8: they can be enlarged and padded, not reduced;"
        + " the target must be at least 8 x 8")
  }

  @Test("a type that is no fraction and a position that is none end the program with words")
  func misuse() async throws {
    let type = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try smallSet.batch(of: [0], dtype: .int32)
    }
    let text = String(decoding: try #require(type).standardErrorContent, as: UTF8.self)
    #expect(text.contains("ImageConversionTests.swift"))
    #expect(text.contains("images become float32 or float64, not int32"))
    let place = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try smallSet.batch(of: [-1])
    }
    let words = String(decoding: try #require(place).standardErrorContent, as: UTF8.self)
    #expect(words.contains("ImageConversionTests.swift"))
    #expect(words.contains("batch: there is no image -1 in \"small\", which has 4"))
  }
}

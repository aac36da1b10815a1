import TapestryDatasets
import Testing

@Suite("Normalization")
struct NormalizationTests {
  @Test("what is measured gives every channel mean 0 and deviation 1")
  func measured() throws {
    let set = ImageSet(
      name: "two", channels: 2, height: 1, width: 2, maximumValue: 10, classNames: ["x"],
      labels: [0, 0], pixels: [0, 10, 7, 7, 10, 0, 7, 7])
    let normalization = Normalization(of: set)
    #expect(normalization.mean == [0.5, 0.7])
    #expect(normalization.deviation == [0.5, 1])
    let batch = try set.batch(of: 0..<2, normalization: normalization, dtype: .float64)
    #expect(batch.images.scalars() == [-1, 1, 0, 0, 1, -1, 0, 0])

    let digits = ImageSet.digits
    let images = try digits.batch(
      of: digits.indices, normalization: Normalization(of: digits), dtype: .float64
    ).images.scalars()
    let mean = images.reduce(0, +) / Double(images.count)
    let variance = images.reduce(0) { $0 + $1 * $1 } / Double(images.count)
    #expect(abs(mean) < 1e-12)
    #expect(abs(variance - 1) < 1e-12)
  }

  @Test("numbers that cannot normalise end the program with words")
  func misuse() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Normalization(mean: 0.5, deviation: 0)
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("NormalizationTests.swift"))
    #expect(text.contains("Normalization: mean [0.5] and deviation [0.0] must be"))
    let channels = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let two = Normalization(mean: [1, 2], deviation: [1, 1])
      _ = try smallSet.batch(of: [0], normalization: two)
    }
    let words = String(decoding: try #require(channels).standardErrorContent, as: UTF8.self)
    #expect(
      words.contains(
        "the normalization has 2 means, but the images of \"small\" have 3 channels"))
  }
}

import TapestryDatasets
import TapestryGraph
import TestSupport
import Testing

@Suite("Loaders with augmentation")
struct AugmentedLoaderTests {
  private func loader(
    _ text: String = "crop:4,rotate:10,scale:0.9:1.1,flip,cutout:8", workers: Int = 0,
    seed: UInt64 = 9, normalization: Normalization? = nil
  ) throws -> BatchLoader {
    try BatchLoader(
      .digits, positions: Array(0..<300), batchSize: 32, height: 32, width: 32,
      normalization: normalization, augmentation: Augmentation(text), seed: seed, workers: workers)
  }

  @Test("any number of workers gives the same bytes", arguments: [1, 3, 8])
  func workers(count: Int) throws {
    for text in ["crop:4,rotate:10,flip,cutout:8", "flip,mixup,cutmix"] {
      let direct = Array(try loader(text).epoch(2))
      let batches = Array(try loader(text, workers: count).epoch(2))
      #expect(direct.map(\.indices) == batches.map(\.indices))
      for (one, other) in zip(direct, batches) {
        #expect(one.images.scalars() == other.images.scalars())
        #expect(one.labels.integers() == other.labels.integers())
        #expect(one.probabilities?.scalars() == other.probabilities?.scalars())
      }
    }
  }

  @Test("an image is changed anew in every epoch, and with every seed")
  func epochs() throws {
    func image(_ loader: BatchLoader, _ epoch: Int) throws -> [Double] {
      for batch in loader.epoch(epoch) {
        guard let place = batch.indices.firstIndex(of: 17) else { continue }
        return Array(batch.images.scalars()[place * 1024..<(place + 1) * 1024])
      }
      return []
    }
    let first = try image(loader(), 0)
    #expect(first.count == 1024)
    #expect(try image(loader(), 0) == first)
    #expect(try image(loader(), 1) != first)
    #expect(try image(loader(seed: 10), 0) != first)
    // Not the batch but the image decides.
    let alone = try BatchLoader(
      .digits, positions: [17], batchSize: 5, height: 32, width: 32,
      augmentation: loader().augmentation, seed: 9)
    #expect(try image(alone, 0) == first)
  }

  @Test("the walk can be kept and continued at every batch")
  func positions() throws {
    let loader = try loader(workers: 2)
    let whole = Array(loader.epoch(1))
    let walk = loader.epoch(1).makeIterator()
    for index in whole.indices {
      #expect(walk.position == LoaderPosition(epoch: 1, batch: index))
      let rest = Array(loader.batches(from: walk.position))
      #expect(rest.map(\.indices) == whole[index...].map(\.indices))
      #expect(rest[0].images.scalars() == whole[index].images.scalars())
      _ = walk.next()
    }
    // At the end of one epoch begins the next.
    #expect(walk.position.batch == 10 && walk.next() == nil)
    let next = loader.batches(from: walk.position)
    #expect(next.number == 2 && next.first == 0)
  }

  @Test("no steps, and steps that change nothing, give the plain images")
  func neutral() throws {
    let normalization = Normalization(mean: 0.3, deviation: 0.4)
    let plain = try loader("", normalization: normalization).epoch(0)[3]
    let same = try loader("crop:0,rotate:0,flip:0", normalization: normalization).epoch(0)[3]
    let difference = zip(plain.images.scalars(), same.images.scalars()).map { abs($0 - $1) }.max()
    #expect((difference ?? 1) < 1e-6)
    #expect(plain.probabilities == nil && same.probabilities == nil)
  }

  @Test("steps may change the size of the images")
  func sizes() throws {
    let loader = try loader("random-crop:24x20")
    #expect(loader.imageSize == ImageSize(channels: 1, height: 24, width: 20))
    #expect(loader.epoch(0)[0].images.shape == [32, 1, 24, 20])
    #expect(
      message { try self.loader("random-crop:40") }
        == "augmentation: random-crop:40x40 is larger than the images, which are 1 x 32 x 32 there")
  }

  @Test("mixup: images and classes in the same shares")
  func mixup() throws {
    // Classes of one brightness each, so that the shares can be read off the pixels.
    let set = ImageSet(
      name: "levels", height: 2, width: 2, classNames: ["dark", "bright"],
      labels: (0..<40).map { $0 % 2 }, pixels: (0..<160).map { $0 / 4 % 2 == 0 ? 0 : 255 })
    let loader = try BatchLoader(
      set, batchSize: 40, augmentation: [.mixup(alpha: 1)], dtype: .float64)
    let batch = loader.epoch(0)[0]
    let probabilities = try #require(batch.probabilities)
    #expect(probabilities.shape == [40, 2] && probabilities.dtype == .float64)
    let rows = probabilities.scalars()
    let pixels = batch.images.scalars()
    var mixed = 0
    for index in 0..<40 {
      let (dark, bright) = (rows[2 * index], rows[2 * index + 1])
      #expect(abs(dark + bright - 1) < 1e-6)
      #expect(pixels[4 * index..<4 * index + 4].allSatisfy { abs($0 - bright) < 1e-6 })
      #expect(batch.labels.integers()[index] == (bright > dark ? 1 : 0))
      if bright > 0.01, bright < 0.99 { mixed += 1 }
    }
    #expect(mixed > 8)
  }

  @Test("cutmix: a rectangle of the other image, classes by area")
  func cutmix() throws {
    let set = ImageSet(
      name: "levels", height: 16, width: 16, classNames: ["dark", "bright"],
      labels: (0..<40).map { $0 % 2 }, pixels: (0..<40 * 256).map { $0 / 256 % 2 == 0 ? 0 : 255 })
    let loader = try BatchLoader(
      set, batchSize: 40, augmentation: [.cutmix(alpha: 1)], shuffled: false)
    let batch = loader.epoch(3)[0]
    let rows = try #require(batch.probabilities).scalars()
    let pixels = batch.images.scalars()
    var mixed = 0
    for index in 0..<40 {
      let bright = pixels[256 * index..<256 * (index + 1)].reduce(0, +) / 256
      #expect(abs(rows[2 * index + 1] - bright) < 1e-6)
      if bright > 0, bright < 1 { mixed += 1 }
    }
    #expect(mixed > 8)
  }

  // Written down from a run: what an earlier program was trained with must come again.
  @Test("what augmentation does to one image stays what it was")
  func fixed() throws {
    let loader = try BatchLoader(
      .digits, positions: [5], batchSize: 1,
      augmentation: [.crop(padding: 1), .flip(), .cutout(side: 3)], seed: 7)
    let values = loader.epoch(1)[0].images.scalars().map { Int(($0 * 16).rounded()) }
    #expect(values == Self.fixedPicture)
  }

  private static let fixedPicture = [
    0, 0, 0, 10, 12, 0, 0, 0,
    0, 14, 16, 16, 14, 0, 0, 0,
    1, 10, 15, 16, 0, 0, 0, 0,
    0, 7, 16, 16, 0, 0, 0, 0,
    7, 16, 7, 4, 0, 0, 0, 0,
    9, 16, 4, 0, 0, 0, 0, 0,
    4, 16, 12, 4, 5, 0, 0, 0,
    0, 10, 16, 16, 9, 0, 0, 0,
  ]
}

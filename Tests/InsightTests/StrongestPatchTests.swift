import Tapestry
import Testing

@Suite("Strongest patches")
struct StrongestPatchTests {
  /// Every pixel of a receptive field counts: no ReLU, no maximum.
  private func net() -> Sequential {
    withRandomSource(RandomSource(seed: 8)) {
      Sequential(
        Conv2d(1, 2, kernel: 3, stride: 2, padding: 1, dtype: .float64),
        AveragePool2d(2, stride: 1),
        Conv2d(2, 3, kernel: Pair(height: 2, width: 1), dtype: .float64)
      ).named()
    }
  }

  private func images(_ count: Int) -> ImageSet {
    let source = RandomSource(seed: 21)
    return ImageSet(
      name: "noise", height: 12, width: 10, classNames: ["a", "b"],
      labels: (0..<count).map { $0 % 2 },
      pixels: (0..<count * 120).map { _ in UInt8(source.integer(below: 256)) })
  }

  private func loader(_ set: ImageSet, batchSize: Int = 4) throws -> BatchLoader {
    try BatchLoader(set, batchSize: batchSize, dtype: .float64, shuffled: false)
  }

  @Test("the strongest places of the strongest images come first, whatever the batches")
  func order() throws {
    let net = net()
    let set = images(11)
    var expected: [(index: Int, value: Double, place: Int)] = []
    for (index, batch) in try loader(set, batchSize: 1).epoch(0).enumerated() {
      let map = inference { net(batch.images) }
      let plane = map.shape[2] * map.shape[3]
      let values = Array(map.scalars()[plane..<2 * plane])
      let best = values.max()!
      expected.append((index, best, values.firstIndex(of: best)!))
    }
    expected.sort { $0.value > $1.value }
    for size in [4, 11] {
      let found = try strongestPatches(
        of: NetUnit(layer: "2", channel: 1), in: net, on: loader(set, batchSize: size), count: 5)
      #expect(found.map(\.index) == expected.prefix(5).map(\.index))
      for (patch, wanted) in zip(found, expected) {
        #expect(abs(patch.activation - wanted.value) < 1e-12)
        #expect(patch.place.row * 4 + patch.place.column == wanted.place)
        #expect(patch.label == patch.index % 2)
      }
    }
  }

  @Test("a patch holds exactly the pixels that the unit depends on")
  func influence() throws {
    let net = net()
    let found = try strongestPatches(
      of: NetUnit(layer: "2", channel: 0), in: net, on: loader(images(6)), count: 6)
    #expect(found.count == 6)
    #expect(Set(found.map(\.place)).count > 1)
    for patch in found {
      let unit = NetUnit(layer: "2", channel: 0, place: patch.place)
      let signal = try projection(of: unit, in: net, image: patch.image, rule: .gradient).scalars()
      for row in 0..<12 {
        for column in 0..<10 {
          let isInside = patch.rows.contains(row) && patch.columns.contains(column)
          #expect((signal[row * 10 + column] != 0) == isInside, "\(row), \(column)")
        }
      }
    }
  }

  @Test("units of dense layers see the whole image")
  func dense() throws {
    let net = Sequential(Flatten(), Linear(120, 4, dtype: .float64)).named()
    let found = try strongestPatches(
      of: NetUnit(layer: "1", channel: 3), in: net, on: loader(images(5)), count: 2)
    #expect(found.count == 2)
    #expect(found.allSatisfy { $0.rows == 0..<12 && $0.columns == 0..<10 })
    #expect(throws: InsightError.self) {
      try strongestPatches(of: NetUnit(layer: "1", channel: 4), in: net, on: loader(images(5)))
    }
  }
}

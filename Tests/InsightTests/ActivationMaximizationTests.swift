import Tapestry
import Testing

@Suite("Activation maximisation")
struct ActivationMaximizationTests {
  private func plain() -> ActivationMaximization {
    var search = ActivationMaximization()
    search.decay = 0
    search.totalVariation = 0
    search.blur = 0
    search.jitter = 0
    return search
  }

  private func net() -> Sequential {
    withRandomSource(RandomSource(seed: 2)) {
      Sequential(Conv2d(1, 3, kernel: 3), ReLU(), Flatten(), Linear(3 * 6 * 6, 4)).named()
    }
  }

  @Test("without regularisers a linear unit's image moves along its weights, step by step")
  func linear() throws {
    let layer = Linear(4, 1, dtype: .float64)
    layer.weight.value = Tensor([3, -4, 0, 0], shape: [1, 4], dtype: .float64)
    let net = Sequential(Flatten(), layer).named()
    var search = plain()
    search.steps = 5
    search.stepSize = 0.2
    search.noise = 0
    let found = try search.image(
      for: NetUnit(layer: "1", channel: 0), in: net, shape: [1, 1, 2, 2], dtype: .float64)
    // The gradient has mean square 25 / 4; a step adds 0.2 w / 2.5.
    let expected = [3, -4, 0, 0].map { Double($0) * 5 * 0.2 / 2.5 }
    for (a, b) in zip(found.image.scalars(), expected) { #expect(abs(a - b) < 1e-12) }
    #expect(found.activations.count == 6)
    for (before, after) in zip(found.activations, found.activations.dropFirst()) {
      #expect(abs(after - before - 0.2 * 25 / 2.5) < 1e-9)
    }
  }

  @Test("the answer of a unit rises far above that to noise")
  func rises() throws {
    var search = ActivationMaximization()
    search.steps = 60
    search.jitter = 0
    let found = try search.image(
      for: NetUnit(layer: "3", channel: 1), in: net(), shape: [1, 1, 8, 8])
    #expect(found.activations[60] > found.activations[0] + 1)
    #expect(found.image.shape == [1, 1, 8, 8])
    #expect(found.image.firstNonFinite == nil)
  }

  @Test("the same seed gives the same bits, another one another picture")
  func seeds() throws {
    var search = ActivationMaximization()
    search.steps = 10
    let unit = NetUnit(layer: "1", channel: 2)
    let net = net()
    let first = try search.image(for: unit, in: net, shape: [1, 1, 8, 8])
    let second = try search.image(for: unit, in: net, shape: [1, 1, 8, 8])
    #expect(first.image.scalars() == second.image.scalars())
    #expect(first.activations == second.activations)
    search.seed = 1
    let third = try search.image(for: unit, in: net, shape: [1, 1, 8, 8])
    #expect(first.image.scalars() != third.image.scalars())
  }

  @Test("decay makes pictures weaker, total variation and blur make them smoother")
  func regularisers() throws {
    let unit = NetUnit(layer: "3", channel: 0)
    let net = net()
    func picture(_ change: (inout ActivationMaximization) -> Void) throws -> [Double] {
      var search = plain()
      search.steps = 40
      search.noise = 0.5
      change(&search)
      return try search.image(for: unit, in: net, shape: [1, 1, 8, 8]).image.scalars()
    }
    func size(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
    func roughness(_ values: [Double]) -> Double {
      var sum = 0.0
      for row in 0..<8 {
        for column in 0..<8 {
          let value = values[row * 8 + column]
          if column < 7 { sum += (value - values[row * 8 + column + 1]).magnitude }
          if row < 7 { sum += (value - values[(row + 1) * 8 + column]).magnitude }
        }
      }
      return sum / size(values).squareRoot()
    }
    let bare = try picture { _ in }
    let decayed = try picture { $0.decay = 0.1 }
    #expect(size(decayed) < 0.7 * size(bare))
    let smooth = try picture { $0.totalVariation = 0.1 }
    #expect(roughness(smooth) < 0.9 * roughness(bare))
    let blurred = try picture {
      $0.blur = 1
      $0.blurInterval = 4
    }
    #expect(roughness(blurred) < 0.9 * roughness(bare))
    let kept = try picture { $0.range = -0.25...0.25 }
    #expect(kept.allSatisfy { abs($0) <= 0.25 } && kept.contains { abs($0) == 0.25 })
  }

  @Test("a unit that is not there is an error")
  func unknown() {
    let search = ActivationMaximization()
    #expect(
      throws: InsightError(description: "the layer '3' has the channels 0 to 3, not 4")
    ) { try search.image(for: NetUnit(layer: "3", channel: 4), in: net(), shape: [1, 1, 8, 8]) }
    #expect(
      throws: InsightError(
        description: "the maps of '0' are 6 x 6; there is no row 6, column 0")
    ) {
      try search.image(
        for: NetUnit(layer: "0", channel: 0, place: .init(row: 6, column: 0)), in: net(),
        shape: [1, 1, 8, 8])
    }
  }
}

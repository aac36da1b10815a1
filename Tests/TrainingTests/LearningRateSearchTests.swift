import Tapestry
import Testing

@Suite("Learning rate search")
struct LearningRateSearchTests {
  @Test("the suggestion is where the loss falls fastest, before its smallest")
  func suggestion() throws {
    let rates = (0..<100).map { 1e-5 * Double($0 + 1) }
    // Flat, a fall around step 50, flat, a rise.
    let fall = (1...20).map { 2 - 0.1 * Double($0) }
    let losses =
      Array(repeating: 2.0, count: 40) + fall + Array(repeating: 0.0, count: 20)
      + (1...20).map { Double($0) }
    let search = LearningRateSearch(rates: rates, losses: losses)
    let suggestion = try #require(search.suggestion)
    let index = try #require(rates.firstIndex(of: suggestion))
    // The average follows the fall with a delay.
    #expect((45...70).contains(index))
    #expect(LearningRateSearch(rates: rates, losses: rates).suggestion == nil)
    #expect(LearningRateSearch(rates: [], losses: []).suggestion == nil)
  }

  @Test(
    "a search leaves model, optimizer and random source as they were, and ends when the loss explodes"
  )
  func search() throws {
    let net = noisy()
    let optimizer = SGD(net, learningRate: 1e-3, momentum: 0.5)
    let random = RandomSource(seed: 4)
    let before = modelBits(net)
    let loader = try BatchLoader(images(40), batchSize: 8)
    let found = try withRandomSource(random) {
      // A quadratic, which explodes where the rate is too large.
      try Trainer(
        net, optimizer: optimizer, loss: { logits, _ in ((logits - 1) * (logits - 1)).mean() }
      )
      .findLearningRate(on: loader, from: 1e-5, to: 1e4, steps: 60)
    }
    #expect(modelBits(net) == before)
    #expect(optimizer.step == 0 && optimizer.learningRate == 1e-3)
    #expect(random.state == RandomKey(key: 4, counter: 0))
    #expect(found.rates.count > 20 && found.rates.count < 60)
    #expect(found.rates[0] == 1e-5)
    let suggestion = try #require(found.suggestion)
    #expect(suggestion > 1e-5 && suggestion < 10)
    let growth = found.rates[1] / found.rates[0]
    for (a, b) in zip(found.rates, found.rates.dropFirst()) {
      #expect(abs(b / a / growth - 1) < 1e-9)
    }
  }
}

import Tapestry
import Testing

@Suite("Greedy training of deep belief nets")
struct GreedyTrainingTests {
  private func trained(seed: UInt64) throws -> (net: DeepBeliefNet, errors: [[Double]]) {
    try withRandomSource(RandomSource(seed: seed)) {
      let digits = ImageSet.digits
      let loader = try BatchLoader(digits, batchSize: 64, seed: seed)
      let net = DeepBeliefNet([
        ConvolutionalRBM(1, 8, kernel: 3, deviation: 0.05),
        ConvolutionalRBM(8, 12, kernel: 2, deviation: 0.05),
      ])
      var errors: [[Double]] = [[], []]
      for layer in net.layers.indices {
        GreedyTraining(net, learningRate: 0.2).train(layer: layer, on: loader, epochs: 6) {
          if $0.isEndOfEpoch { errors[layer].append($0.reconstructionError) }
        }
      }
      return (net, errors)
    }
  }

  @Test("each layer learns to reconstruct what it sees; the same seed gives the same bits")
  func digits() throws {
    let (net, errors) = try trained(seed: 1)
    for layer in errors { #expect(layer.count == 6 && layer[5] < layer[0], "\(layer)") }
    // Pixels that are all taken as their mean would be off by their variance, 0.14.
    #expect(errors[0][5] < 0.11, "\(errors)")
    let again = try trained(seed: 1).net
    for (a, b) in zip(net.parameters, again.parameters) {
      #expect(a.value.scalars() == b.value.scalars())
    }
  }

  @Test(
    "visible biases begin at the mean of what the layer sees; steps are told, and an error ends the training"
  )
  func beginning() throws {
    struct Enough: Error {}
    let net = DeepBeliefNet([ConvolutionalRBM(1, 4, kernel: 3)])
    let loader = try BatchLoader(ImageSet.digits, batchSize: 600)
    var told: [GreedyTraining.Progress] = []
    #expect(throws: Enough.self) {
      try GreedyTraining(net, learningRate: 0).train(layer: 0, on: loader, epochs: 2) {
        told.append($0)
        if told.count == 4 { throw Enough() }
      }
    }
    #expect(told.map(\.step) == [1, 2, 3, 1] && told.map(\.epoch) == [1, 1, 1, 2])
    #expect(told.map(\.isEndOfEpoch) == [false, false, true, false])
    #expect(told.allSatisfy { $0.steps == 3 && $0.epochs == 2 })
    let pixels = ImageSet.digits.indices.flatMap { ImageSet.digits[$0].pixels }
    let mean = pixels.reduce(0) { $0 + Double($1) } / Double(pixels.count) / 16
    let begun = 1 / (1 + exp(Tensor(-net.layers[0].visibleBias.value.scalars()[0])).item)
    // Three batches, the last of which is a little smaller.
    #expect(abs(begun - mean) < 1e-3)
  }

  @Test("a layer's training leaves the layers below as they are, and stops when asked")
  func greedy() throws {
    let net = DeepBeliefNet([
      ConvolutionalRBM(1, 4, kernel: 3), ConvolutionalRBM(4, 4, kernel: 2),
    ])
    let loader = try BatchLoader(ImageSet.digits, batchSize: 256)
    let before = net.layers.map { $0.weight.value.scalars() }
    GreedyTraining(net).train(layer: 1, on: loader, epochs: 1)
    #expect(net.layers[0].weight.value.scalars() == before[0])
    #expect(net.layers[1].weight.value.scalars() != before[1])
    let stop = StopRequest()
    stop.request()
    let after = net.layers[1].weight.value.scalars()
    GreedyTraining(net, stopRequest: stop).train(layer: 1, on: loader, epochs: 1)
    #expect(net.layers[1].weight.value.scalars() == after)
  }
}

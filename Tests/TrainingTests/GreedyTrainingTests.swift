import Tapestry
import Testing

@Suite("Greedy training of deep belief nets")
struct GreedyTrainingTests {
  private func trained(seed: UInt64) throws -> (net: DeepBeliefNet, errors: [[Double]]) {
    try withRandomSource(RandomSource(seed: seed)) {
      let digits = ImageSet.digits
      let loader = try BatchLoader(digits, batchSize: 64, seed: seed)
      let net = DeepBeliefNet([
        ConvolutionalRBM(1, 8, kernel: 3), ConvolutionalRBM(8, 12, kernel: 2),
      ])
      var errors: [[Double]] = [[], []]
      for layer in net.layers.indices {
        GreedyTraining(net).train(layer: layer, on: loader, epochs: 3) { errors[layer].append($1) }
      }
      return (net, errors)
    }
  }

  @Test("each layer learns to reconstruct what it sees; the same seed gives the same bits")
  func digits() throws {
    let (net, errors) = try trained(seed: 1)
    for layer in errors { #expect(layer.count == 3 && layer[2] < layer[0], "\(layer)") }
    // Pixels that are all taken as their mean would be off by their variance, 0.14.
    #expect(errors[0][2] < 0.11, "\(errors)")
    let again = try trained(seed: 1).net
    for (a, b) in zip(net.parameters, again.parameters) {
      #expect(a.value.scalars() == b.value.scalars())
    }
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

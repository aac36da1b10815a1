import Tapestry
import Testing

@Suite("Weight penalty")
struct WeightPenaltyTests {
  private func net() -> Small {
    let net = withRandomSource(RandomSource(seed: 1)) { Small() }
    net.hidden.weight.value = .full([8, 16], -0.5)
    net.output.weight.value = .full([2, 8], 2)
    return net
  }

  @Test("l1 Σ|θ| + l2/2 Σθ² over the weights, and its gradient")
  func value() throws {
    let net = net()
    // 128 weights of -0.5 and 16 of 2.
    let penalty = weightPenalty(on: net, l1: 0.25, l2: 0.5)
    #expect(abs(penalty.item - (0.25 * (64 + 32) + 0.25 * (32 + 64))) < 1e-5)
    let gradients = penalty.gradients()
    #expect(try #require(gradients[net.hidden.weight]).scalars().allSatisfy { $0 == -0.5 })
    #expect(try #require(gradients[net.output.weight]).scalars().allSatisfy { $0 == 1.25 })
    #expect(gradients[try #require(net.hidden.bias)] == nil)
  }

  @Test("biases take part when all parameters do")
  func all() {
    let net = net()
    net.hidden.bias?.value = .full([8], 3)
    net.output.bias?.value = .full([2], 0)
    let penalty = weightPenalty(on: net, l1: 1, decays: .all)
    #expect(abs(penalty.item - (64 + 32 + 24)) < 1e-5)
  }
}

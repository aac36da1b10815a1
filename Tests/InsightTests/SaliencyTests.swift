import Tapestry
import Testing

/// Convolution, ReLU, max pool, dense: in float64, so that sums can be compared closely.
private struct SmallNet: Model {
  let conv = Conv2d(1, 3, kernel: 3, dtype: .float64)
  let relu = ReLU()
  let pool = MaxPool2d(2)
  let fc = Linear(3 * 2 * 2, 4, dtype: .float64)

  static func make() -> SmallNet {
    withRandomSource(RandomSource(seed: 5)) { SmallNet().named() }
  }

  func callAsFunction(_ input: Tensor) -> Tensor {
    fc(pool(relu(conv(input))).flattened(from: 1))
  }
}

/// Logits that are sums of weighted pixels: 2 classes, 4 x 4 pixels.
private struct LinearNet: Model {
  let fc = Linear(16, 2, dtype: .float64)
  init() { named() }
  func callAsFunction(_ input: Tensor) -> Tensor { fc(input.flattened(from: 1)) }
}

private func image(_ size: Int, seed: UInt64 = 11) -> Tensor {
  .normal([1, 1, size, size], dtype: .float64, source: RandomSource(seed: seed))
}

private func expectClose(
  _ a: [Double], _ b: [Double], within tolerance: Double = 1e-10,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.count == b.count, sourceLocation: sourceLocation)
  for (place, pair) in zip(a, b).enumerated() where !(abs(pair.0 - pair.1) <= tolerance) {
    Issue.record("element \(place): \(pair.0) and \(pair.1)", sourceLocation: sourceLocation)
    return
  }
}

@Suite("Saliency")
struct SaliencyTests {
  @Test("the gradient is the derivative of the logit by every pixel", arguments: 0..<4)
  func gradient(target: Int) {
    let net = SmallNet.make()
    let x = image(6)
    let found = saliency(of: net, image: x, target: target).scalars()
    let pixels = x.scalars()
    let step = 1e-6
    for place in stride(from: 0, to: 36, by: 5) {
      func logit(_ change: Double) -> Double {
        var changed = pixels
        changed[place] += change
        let input = Tensor(changed, shape: [1, 1, 6, 6], dtype: .float64)
        return inference { net(input) }.scalars()[target]
      }
      #expect(abs((logit(step) - logit(-step)) / (2 * step) - found[place]) < 1e-7)
    }
  }

  @Test("the walk with the rule of the gradient gives the gradient")
  func walk() throws {
    let net = SmallNet.make()
    let x = image(6)
    let unit = NetUnit(layer: "fc", channel: 2)
    let projected = try projection(of: unit, in: net, image: x, rule: .gradient)
    expectClose(projected.scalars(), saliency(of: net, image: x, target: 2).scalars())
  }

  @Test("integrated gradients add up to the difference of the logits")
  func completeness() {
    let net = SmallNet.make()
    let (x, start) = (image(6), image(6, seed: 3))
    let map = saliency(
      of: net, image: x, target: 1, method: .integratedGradients(steps: 2000), baseline: start)
    let (high, low) = (
      inference { net(x) }.scalars()[1], inference { net(start) }.scalars()[1]
    )
    #expect(abs(map.scalars().reduce(0, +) - (high - low)) < 2e-3 * abs(high - low) + 1e-4)
    let coarse = saliency(
      of: net, image: x, target: 1, method: .integratedGradients(steps: 1), baseline: start)
    #expect(coarse.scalars() != map.scalars())
  }

  @Test("of a linear net integrated gradients are weight times difference, whatever the steps")
  func linear() {
    let net = LinearNet()
    let x = image(4)
    let map = saliency(of: net, image: x, target: 1, method: .integratedGradients(steps: 3))
    let weight = net.fc.weight.value.scalars()[16..<32]
    expectClose(map.scalars(), zip(weight, x.scalars()).map { $0 * $1 })
  }

  @Test("guided signals pass a ReLU only where input and signal are positive; by hand")
  func guided() {
    // Two filters of one tap on two pixels, then a weighted sum.
    let net = HandNet(first: [1, -1], second: [3, -2, 5, 7])
    // Maps: [2, -1] and [-2, 1]; ReLU passes the first of one, the second of the other.
    let x = Tensor([2, -1], shape: [1, 1, 1, 2], dtype: .float64)
    // Signals at the maps: 3, -2 and 5, 7.
    expectClose(saliency(of: net, image: x, target: 0).scalars(), [3, -7])
    expectClose(saliency(of: net, image: x, target: 0, method: .guided).scalars(), [3, -7])
    let other = HandNet(first: [1, -1], second: [-3, -2, 5, 7])
    expectClose(saliency(of: other, image: x, target: 0).scalars(), [-3, -7])
    expectClose(saliency(of: other, image: x, target: 0, method: .guided).scalars(), [0, -7])
  }

  @Test("deconvolution passes positive signals wherever they arrive; by hand")
  func deconvolution() {
    let net = HandNet(first: [1, -1], second: [3, -2, 5, 7])
    let x = Tensor([2, -1], shape: [1, 1, 1, 2], dtype: .float64)
    // 3 and 0 from the first map, 5 and 7 from the second, through the filters 1 and -1.
    expectClose(
      saliency(of: net, image: x, target: 0, method: .deconvolution).scalars(), [3 - 5, -7])
  }
}

/// A 1x1 convolution with two filters, ReLU, one dense output over the four values.
private struct HandNet: Model {
  let conv = Conv2d(1, 2, kernel: 1, bias: false, dtype: .float64)
  let relu = ReLU()
  let fc = Linear(4, 1, bias: false, dtype: .float64)

  init(first: [Double], second: [Double]) {
    conv.weight.value = Tensor(first, shape: [2, 1, 1, 1], dtype: .float64)
    fc.weight.value = Tensor(second, shape: [1, 4], dtype: .float64)
    named()
  }

  func callAsFunction(_ input: Tensor) -> Tensor { fc(relu(conv(input)).flattened(from: 1)) }
}

@Suite("Grad-CAM, occlusion, projections")
struct MapTests {
  @Test("Grad-CAM is the ReLU of the maps weighted by mean gradients; by hand")
  func weightedMaps() throws {
    let net = HandNet(first: [1, -1], second: [3, -2, 5, 7])
    let x = Tensor([2, -1], shape: [1, 1, 1, 2], dtype: .float64)
    // Maps after ReLU [2, 0] and [0, 1]; mean gradients (3 - 2) / 2 and (5 + 7) / 2.
    let map = try gradCAM(of: net, image: x, target: 0, layer: "relu")
    #expect(map.shape == [1, 2])
    expectClose(map.scalars(), [2 * 0.5, 1 * 6])
    // Before ReLU: gradients [3, 0] and [0, 7]; the sum 2 * 1.5 - 2 * 3.5 is negative.
    let before = try gradCAM(of: net, image: x, target: 0, layer: "conv")
    expectClose(before.scalars(), [0, -1 * 1.5 + 1 * 3.5])
  }

  @Test("a layer that is not there, or gives no maps, is an error that lists what is")
  func unknownLayer() {
    let net = HandNet(first: [1, 1], second: [1, 1, 1, 1])
    let x = Tensor.zeros([1, 1, 1, 2], dtype: .float64)
    #expect(
      throws: InsightError(
        description: "there is no layer 'conv9' in this net; its layers are conv, relu, fc")
    ) { try gradCAM(of: net, image: x, target: 0, layer: "conv9") }
    #expect(
      throws: InsightError(
        description: "the layer 'fc' gives [1, 1], not maps [N, C, H, W]")
    ) { try gradCAM(of: net, image: x, target: 0, layer: "fc") }
  }

  @Test("of a linear net covering takes the weights of the covered pixels times their change")
  func occlusion() {
    let net = LinearNet()
    let x = image(4)
    let (weights, pixels) = (net.fc.weight.value.scalars(), x.scalars())
    let map = occlusionMap(
      of: net, image: x, target: 1, patch: Pair(height: 2, width: 3), stride: 2, fill: 0.5,
      isProbability: false)
    // Columns 0 and 1: the last place ends at the border though the stride would step over it.
    #expect(map.rows == [0, 2])
    #expect(map.columns == [0, 1])
    var expected: [Double] = []
    for top in [0, 2] {
      for left in [0, 1] {
        var sum = 0.0
        for row in top..<top + 2 {
          for column in left..<left + 3 {
            sum += weights[16 + row * 4 + column] * (pixels[row * 4 + column] - 0.5)
          }
        }
        expected.append(sum)
      }
    }
    expectClose(map.drops.scalars(), expected)
    #expect(abs(map.score - inference { net(x) }.scalars()[1]) < 1e-12)
  }

  @Test("the drop of a probability is that of the softmax")
  func probability() {
    let net = LinearNet()
    let x = image(4)
    let map = occlusionMap(of: net, image: x, target: 0, patch: 4)
    let bias = softmax(net.fc.bias!.value.reshaped(to: [1, 2])).scalars()[0]
    let score = softmax(inference { net(x) }).scalars()[0]
    #expect(abs(map.score - score) < 1e-12)
    expectClose(map.drops.scalars(), [score - bias])
  }

  @Test("deconvolution sends a unit through the switches of the pools; by hand")
  func switches() throws {
    let net = Sequential(
      Conv2d(1, 1, kernel: Pair(height: 1, width: 2), bias: false, dtype: .float64), ReLU(),
      MaxPool2d(Pair(height: 1, width: 2))
    ).named()
    let filter = net.parameters[0]
    filter.value = Tensor([2, -1], shape: [1, 1, 1, 2], dtype: .float64)
    // Convolution: 2a - b = [5, 2, -1, 8]; ReLU: [5, 2, 0, 8]; pool: [5, 8] from places 0 and 3.
    let longer = Tensor([3, 1, 0, 1, -6], shape: [1, 1, 1, 5], dtype: .float64)
    #expect(net(longer).scalars() == [5, 8])
    // The strongest unit is 8 at place 3: it goes to pixels 3 and 4 through the filter.
    let strongest = try projection(of: NetUnit(layer: "2", channel: 0), in: net, image: longer)
    expectClose(strongest.scalars(), [0, 0, 0, 16, -8])
    let first = try projection(
      of: NetUnit(layer: "2", channel: 0, place: .init(row: 0, column: 0)), in: net, image: longer)
    expectClose(first.scalars(), [10, -5, 0, 0, 0])
  }
}

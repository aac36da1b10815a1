import Synchronization
import TapestryGraph
import TapestryModels
import TapestryOps
import TestSupport
import Testing

/// Sees every op, so that layers run one by one.
private final class Onlooker: OperationObserver {
  private let noted = Mutex<[String]>([])
  var names: [String] { noted.withLock { $0 } }
  func didApply(_ event: OperationEvent) { noted.withLock { $0.append(event.name) } }
}

@Suite("Layers that are computed together")
struct FusionTests {
  /// Statistics and factors as training leaves them, far from 0 and 1.
  private func season(_ net: some Model) {
    let source = RandomSource(seed: 17)
    for (_, buffer) in net.namedBuffers {
      buffer.value = .uniform(
        buffer.shape, from: 0.5, to: 1.5, dtype: buffer.dtype, source: source)
    }
    for (_, parameter) in net.namedParameters where parameter.rank == 1 {
      parameter.value = .uniform(
        parameter.shape, from: -0.5, to: 1.5, dtype: parameter.dtype, source: source)
    }
  }

  @Test("every net gives in inference what its layers give one by one", arguments: NarrowNet.all)
  func nets(_ one: NarrowNet) {
    for dtype in [DType.float32, .float64] {
      let net = withParameterType(dtype) { one.make() }
      season(net)
      let images = Tensor.uniform(
        TensorShape([2] + one.image), from: -1, to: 1, dtype: dtype, source: RandomSource(seed: 3))
      let onlooker = Onlooker()
      let together = inference { net(images) }
      let apart = inference { observing(onlooker) { net(images) } }
      #expect(onlooker.names.count > 1)
      let size = apart.scalars().reduce(0) { max($0, abs($1)) }
      #expect(size > 0 && size.isFinite)
      expectClose(
        together, apart, "\(dtype)", relativeTolerance: 0,
        absoluteTolerance: size * (dtype == .float32 ? 5e-5 : 1e-11))
    }
  }

  /// A net of which all but the last layer is computed together with another one.
  private func small(_ dtype: DType = .float32) -> Sequential {
    let net = withRandomSource(RandomSource(seed: 8)) {
      withParameterType(dtype) {
        Sequential(
          Conv2d(3, 20, kernel: 3, padding: 1), BatchNorm2d(20), ReLU(),
          Conv2d(20, 18, kernel: 3, bias: false), BatchNorm2d(18),
          BatchNorm2d(18), ReLU(), Conv2d(18, 5, kernel: 1), ReLU(), Flatten(),
          Linear(5 * 49, 30), ReLU(), Linear(30, 4))
      }
    }
    season(net)
    return net.named()
  }

  private let images = Tensor.uniform([2, 3, 9, 9], from: -1, to: 1, source: RandomSource(seed: 5))

  @Test("who observes sees every layer; who does not gets the same up to rounding, by other ops")
  func sequence() {
    let net = small()
    let onlooker = Onlooker()
    let apart = inference { observing(onlooker) { net(images) } }
    let names = onlooker.names.filter { $0 != "reshape" && $0 != "flatten" && $0 != "flattened" }
    #expect(
      names == [
        "conv2d", "batchNorm", "relu", "conv2d", "batchNorm", "batchNorm", "relu", "conv2d", "relu",
        "linear", "relu", "linear",
      ])
    let together = inference { net(images) }
    expectClose(together, apart, absoluteTolerance: 1e-5)
    #expect(!together.isTracked)
    // That it is not the same ops shows in the last digits.
    let first = Sequential(net[0], net[1], net[2])
    let maps = inference { first(images) }
    #expect(maps.scalars() != inference { observing(onlooker) { first(images) } }.scalars())
  }

  @Test("features of layers are those that the layers give one by one")
  func features() throws {
    let net = small()
    let names = net.layers.indices.map(String.init)
    let features = try inference { try net.features(of: images, at: names) }
    var x = images
    for (place, layer) in net.layers.enumerated() {
      x = inference { layer(x) }
      #expect(features[place].scalars() == x.scalars(), "layer \(place)")
    }
  }

  @Test("in training mode normalisation still takes the statistics of the batch, and moves its own")
  func training() {
    let (net, twin) = (small(), small())
    let apart = withoutGradients { observing(Onlooker()) { twin(images) } }
    let together = withoutGradients { net(images) }
    expectClose(together, apart, absoluteTolerance: 1e-5)
    for (one, other) in zip(net.namedBuffers, twin.namedBuffers) {
      expectClose(one.buffer.value, other.buffer.value, one.name, absoluteTolerance: 1e-6)
    }
    #expect(
      net.namedBuffers[0].buffer.value.scalars()
        != inference { small() }.namedBuffers[0].buffer.value.scalars())
  }

  @Test("gradients are those of layers one by one")
  func recording() {
    let (net, twin) = (small(.float64), small(.float64))
    let images = images.converted(to: .float64)
    let gradients = square(net(images)).sum().gradients()
    var x = images
    for layer in twin.layers { x = observing(Onlooker()) { layer(x) } }
    let expected = square(x).sum().gradients()
    for (one, other) in zip(net.namedParameters, twin.namedParameters) {
      expectClose(
        gradients[one.parameter]!, expected[other.parameter]!, one.name, absoluteTolerance: 1e-9)
    }
  }

  @Test(
    "frozen statistics are used in training mode too; parameters that are replaced are read anew")
  func values() {
    let conv = Conv2d(3, 6, kernel: 3)
    let norm = BatchNorm2d(6)
    season(norm)
    norm.runningMean.isFrozen = true
    norm.runningVariance.isFrozen = true
    let frozen = withoutGradients { conv(images, then: norm, ReLU()) }
    expectClose(frozen, inference { relu(norm(conv(images))) }, absoluteTolerance: 1e-5)
    norm.weight.value = .full([6], 3)
    conv.weight.value = conv.weight.value * -1
    expectClose(
      inference { conv(images, then: norm, ReLU()) }, inference { relu(norm(conv(images))) },
      absoluteTolerance: 2e-5)
    let other = Tensor.uniform([6], source: RandomSource(seed: 9))
    _ = substituting([(norm.bias, other)]) {
      expectClose(
        inference { conv(images, then: norm) }, inference { norm(conv(images)) },
        absoluteTolerance: 2e-5)
    }
  }

  @Test("an addend is added before ReLU and made once")
  func addend() {
    let conv = Conv2d(3, 6, kernel: 3)
    let norm = BatchNorm2d(6)
    season(norm)
    let addend = Tensor.uniform([2, 6, 7, 7], from: -1, to: 1, source: RandomSource(seed: 4))
    var calls = 0
    func counted() -> Tensor {
      calls += 1
      return addend
    }
    let expected = inference { relu(norm(conv(images)) + addend) }
    let fused = inference { conv(images, then: norm, adding: counted(), ReLU()) }
    #expect(calls == 1)
    let seen = inference {
      observing(Onlooker()) { conv(images, then: norm, adding: counted(), ReLU()) }
    }
    #expect(calls == 2)
    expectClose(fused, expected, absoluteTolerance: 1e-5)
    expectClose(seen, expected)
  }

  @Test("what does not fit ends with the words of the layer that it does not fit")
  func misfit() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let net = Sequential(Conv2d(3, 6, kernel: 3), BatchNorm2d(5), ReLU())
      _ = inference { net(.zeros([1, 3, 9, 9])) }
    }
    let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(words.contains("batchNorm: runningMean needs one number per channel"), "\(words)")
    let other = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let conv = Conv2d(4, 6, kernel: 3)
      _ = inference { conv(.zeros([1, 3, 9, 9]), then: ReLU()) }
    }
    let text = String(decoding: other?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("conv2d: input has 3 channels, but the filters expect 4"), "\(text)")
  }
}

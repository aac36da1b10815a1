import Synchronization
import TapestryGraph
import TapestryModels
import TapestryOps
import TestSupport
import Testing

/// Layers that run as one op give what they give when every op is looked at.
@Suite struct FusedLayers {
  @Test("a training step's loss, gradients and statistics are those of single layers")
  func training() {
    for narrow in NarrowNet.all {
      let alone = step(narrow, Looker(acceptsFusedOperations: false))
      let fused = step(narrow, Looker(acceptsFusedOperations: true))
      #expect(fused.operations <= alone.operations, "\(narrow.name)")
      expectClose(fused.loss, alone.loss, "\(narrow.name)", relativeTolerance: 1e-10)
      for (name, values) in alone.values {
        expectClose(
          fused.values[name]!, values, "\(narrow.name): \(name)", relativeTolerance: 1e-7,
          absoluteTolerance: 1e-9)
      }
    }
  }

  @Test("nets with batch normalisation run fewer ops when nobody looks")
  func fewer() {
    for narrow in NarrowNet.all where narrow.name.contains("resnet50") {
      let alone = step(narrow, Looker(acceptsFusedOperations: false))
      let fused = step(narrow, Looker(acceptsFusedOperations: true))
      // A bottleneck has three ReLUs and an addition.
      #expect(fused.operations < alone.operations - 4 * 16, "\(narrow.name)")
    }
  }

  @Test("somebody who asks for the results of layers gets each of them")
  func features() throws {
    let net = ResNet(.resNet18, classes: 5, stem: .cifar, width: 1.0 / 16)
    let x = Tensor.uniform([2, 3, 16, 16])
    let found = inference { try? net.features(of: x, at: ["bn1", "relu"]) }
    let features = try #require(found)
    #expect(features[0].scalars().contains { $0 < 0 })
    #expect(features[1].scalars() == features[0].scalars().map { max($0, 0) })
  }

  /// The forward ops of a training step of a net in float64, its loss, and gradients and buffers by name.
  private func step(
    _ narrow: NarrowNet, _ looker: Looker
  ) -> (operations: Int, loss: Tensor, values: [String: Tensor]) {
    withRandomSource(RandomSource(seed: 3)) {
      let net = withParameterType(.float64) { narrow.make() }
      let x = Tensor.uniform(TensorShape([4] + narrow.image), from: -1, to: 1, dtype: .float64)
      let labels = Tensor(integers: [0, 1, 2, 0])
      let loss = observing(looker) { NarrowNet.loss(net, x, labels) }
      let gradients = loss.gradients()
      var values: [String: Tensor] = [:]
      for (name, parameter) in net.namedParameters { values[name] = gradients[parameter] }
      for (name, buffer) in net.namedBuffers { values[name] = buffer.value }
      return (looker.count, loss, values)
    }
  }
}

private final class Looker: OperationObserver {
  let acceptsFusedOperations: Bool
  private let counter = Mutex(0)
  var count: Int { counter.withLock { $0 } }
  init(acceptsFusedOperations: Bool) { self.acceptsFusedOperations = acceptsFusedOperations }
  func didApply(_ event: OperationEvent) { counter.withLock { $0 += 1 } }
}

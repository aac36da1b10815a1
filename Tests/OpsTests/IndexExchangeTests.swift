import Synchronization
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// What products by names of axes, triangles, borders and scattering are in the terms of ONNX.
@Suite struct IndexExchange {
  /// The nodes of the only op that `body` applies.
  private func form(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) throws -> ExchangeForm {
    let seen = FormObserver()
    observing(seen) { _ = body(inputs) }
    let event = try #require(seen.last)
    let operation = try #require(event.operation as? any ExchangeableOperation)
    var form = ExchangeForm(
      inputs: event.inputs.all.map(\.spec),
      outputs: (0..<event.specs.count).map { event.specs[$0] })
    _ = try operation.exchange(&form)
    return form
  }

  @Test("an equation with its letters; axes of an ellipsis get letters of their own")
  func einsums() throws {
    let x = sample([2, 3, 4])
    let plain = try form([x, x]) { einsum("bij,bkj->bik", $0) }
    #expect(plain.nodes.map(\.operation) == ["Einsum"])
    #expect(plain.nodes[0].attributes[0].value == .text("bij,bkj->bik"))
    let hidden = try form([x, x]) { einsum("...aj,...kj->...ak", $0) }
    #expect(hidden.nodes[0].attributes[0].value == .text("baj,bkj->bak"))
  }

  @Test("triangles, borders, scattering and one-hot vectors are operators of their own")
  func single() throws {
    let x = sample([2, 3])
    let triangle = try form([x]) { $0[0].upperTriangle(offset: 1) }
    #expect(triangle.nodes[0].operation == "Trilu" && triangle.constants[0].values == [1])
    #expect(triangle.nodes[0].attributes[0].value == .integer(1))
    let border = try form([x]) { $0[0].padded([(1, 0), (2, 1)], mode: .replicate) }
    #expect(border.nodes[0].operation == "Pad" && border.constants[0].values == [1, 2, 0, 1])
    #expect(border.nodes[0].attributes[0].value == .text("edge"))
    let places = Tensor(integers: [0, 1, 0], shape: [1, 3])
    let scattered = try form([x, places, sample([1, 3])]) {
      $0[0].scatterAdd($0[2], at: $0[1], along: -2)
    }
    #expect(scattered.nodes[0].operation == "ScatterElements")
    #expect(scattered.nodes[0].attributes.map(\.value) == [.integer(0), .text("add")])
    #expect(scattered.nodes[0].inputs == [.input(0), .input(1), .input(2)])
  }

  @Test("the other end, and rolling, are slices joined")
  func joined() throws {
    let x = sample([2, 3])
    let around = try form([x]) { $0[0].padded([(0, 0), (2, 1)], mode: .circular) }
    #expect(around.nodes.map(\.operation) == ["Slice", "Slice", "Concat"])
    #expect(around.constants.map(\.values).contains([-2]))
    let rolled = try form([x]) { $0[0].rolled(by: [4, 0], along: [-1, 0]) }
    #expect(rolled.nodes.map(\.operation) == ["Slice", "Slice", "Concat"])
    #expect(rolled.nodes[2].attributes[0].value == .integer(1))
    #expect(rolled.constants.map(\.values).contains([-1]))
  }
}

/// Keeps the last op that ran.
private final class FormObserver: OperationObserver {
  private let seen = Mutex<OperationEvent?>(nil)
  var last: OperationEvent? { seen.withLock { $0 } }

  func didApply(_ event: OperationEvent) { seen.withLock { $0 = event } }
}

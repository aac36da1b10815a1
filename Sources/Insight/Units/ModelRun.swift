import Synchronization
import TapestryGraph
import TapestryModels
import TapestryOps

/// Why a question about a net cannot be answered.
public struct InsightError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, and which names there are.
  public let description: String

  public init(description: String) { self.description = description }
}

/// The result of one op of a net.
public struct LayerOutput: Sendable {
  /// The dotted name of the layer; empty outside any.
  public let layer: String
  /// The op's name, such as `conv2d`.
  public let operation: String
  /// The first result of the op, `[N, C, H, W]` after convolutions and pools.
  public let value: Tensor
}

extension Model {
  /// What every op of the net gives for an input, in the order in which they run, in inference mode.
  ///
  /// All results stay in memory.
  /// - Parameter input: a batch of images, `[N, C, H, W]`. When it is tracked, the results are in its graph, so that
  ///   gradients can be asked for by each of them.
  public func layerOutputs(of input: Tensor) -> [LayerOutput] {
    ModelRun(self, input, isRecording: input.isTracked).outputs
  }
}

/// One run of a net in inference mode, with the operands and results of its ops.
struct ModelRun {
  let input: Tensor
  let output: Tensor
  let events: [OperationEvent]

  /// - Parameter isRecording: whether a graph is kept; the input is then tracked.
  init(_ model: any Model, _ input: Tensor, isRecording: Bool) {
    let witness = Witness()
    self.input = isRecording && !input.isTracked ? input.tracked() : input.resolved
    let input = self.input
    output = observing(witness) {
      inference {
        isRecording ? recordingGradients { model(input) } : model(input)
      }
    }
    events = witness.events
  }

  var outputs: [LayerOutput] {
    events.map {
      LayerOutput(layer: $0.site.layer?.name ?? "", operation: $0.name, value: $0.outputs[0])
    }
  }

  /// The place of the op that gave the net's result; `nil` where it is the input itself.
  var outputPlace: Int? {
    events.lastIndex { event in event.outputs.all.contains { $0 === output } }
  }

  /// The place of the last op that ran in a layer or in one inside it.
  ///
  /// - Throws: ``InsightError`` that lists the layers.
  func place(of layer: String) throws(InsightError) -> Int {
    let names = events.map { $0.site.layer?.name ?? "" }
    if let place = names.lastIndex(where: { $0 == layer || $0.hasPrefix(layer + ".") }) {
      return place
    }
    var known: [String] = []
    for name in names where !name.isEmpty && !known.contains(name) { known.append(name) }
    throw InsightError(
      description: "there is no layer '\(layer)' in this net; its layers are "
        + known.joined(separator: ", "))
  }

  /// The result of a layer.
  func value(of layer: String) throws(InsightError) -> Tensor {
    events[try place(of: layer)].outputs[0]
  }
}

private final class Witness: OperationObserver {
  private let noted = Mutex<[OperationEvent]>([])
  var events: [OperationEvent] { noted.withLock { $0 } }
  func didApply(_ event: OperationEvent) { noted.withLock { $0.append(event) } }
}

/// A tensor of zeros with `value` at one place.
func indicator(_ shape: TensorShape, _ dtype: DType, at place: Int, value: Double = 1) -> Tensor {
  var values = [Double](repeating: 0, count: shape.elementCount)
  values[place] = value
  return Tensor(values, shape: shape, dtype: dtype)
}

/// The logits of a run as `[N, classes]`, and a check that the class exists.
func requireLogits(
  _ output: Tensor, _ target: Int, _ caller: String, file: StaticString, line: UInt
) {
  guard output.rank == 2, target >= 0, target < output.shape[1] else {
    trap(
      "\(caller): the class \(target) is none of an output of shape \(output.shape); it must be [N, classes]",
      file: file, line: line)
  }
}

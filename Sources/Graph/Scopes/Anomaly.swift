import Synchronization

/// The op that made the first NaN or infinity.
public struct Anomaly: Error, Sendable, CustomStringConvertible {
  /// The op's name; for an op of a backward pass, with the name of the node being differentiated.
  public let operation: String
  /// The user's line of that op, or of the node being differentiated.
  public let site: CallSite
  /// The offending value, and its row-major position in the result.
  public let value: Double
  public let index: Int
  public let shape: TensorShape
  /// A line per operand: name, shape, smallest and largest value.
  public let operands: [String]

  /// `log made -inf at index 3 of [8, 10], at main.swift:12`, then the operands.
  public var description: String {
    operands.reduce("\(operation) made \(value) at index \(index) of \(shape), at \(site)") {
      $0 + "\n  " + $1
    }
  }
}

/// Runs `body` and watches every result, forward and backward, for NaN and infinity.
///
/// An op is at fault when its operands were all finite and a result is not. Costs one pass over every
/// result; nothing when not in force.
///
/// - Parameter report: what to do with the first anomaly; by default the process ends with its description.
public func detectingAnomalies<Result>(
  report: (@Sendable (Anomaly) -> Void)? = nil, _ body: () throws -> Result
) rethrows -> Result {
  try Scope.current.with { $0.anomalies = AnomalyMonitor(report) }.run(body)
}

/// Remembers whether the first anomaly has been reported.
final class AnomalyMonitor: Sendable {
  private let report: (@Sendable (Anomaly) -> Void)?
  private let isDone = Atomic<Bool>(false)

  init(_ report: (@Sendable (Anomaly) -> Void)?) { self.report = report }

  /// `node` is the one being differentiated, if a walk is under way.
  func examine(_ event: OperationEvent, under node: Node?) {
    if isDone.load(ordering: .relaxed) { return }
    for output in event.outputs.all {
      guard let index = output.firstNonFinite else { continue }
      if event.inputs.all.contains(where: { $0.firstNonFinite != nil }) { return }
      if isDone.exchange(true, ordering: .relaxed) { return }
      let inputs = event.inputs.all
      let operands = inputs.indices.map { position in
        let values = inputs[position].scalars()
        let name = type(of: event.operation).inputName(position, of: inputs.count)
        let range = values.isEmpty ? "empty" : "\(values.min()!) ... \(values.max()!)"
        return "\(name) \(inputs[position].spec), values \(range)"
      }
      let anomaly = Anomaly(
        operation: node.map { "\(event.name) in the backward of \($0.name)" } ?? event.name,
        site: event.site, value: output.scalars()[index], index: index, shape: output.shape,
        operands: operands)
      guard let report else {
        guard event.site.isKnown else {
          trapAtCaller("the first value that is not finite: \(anomaly)")
        }
        trap(
          "the first value that is not finite: \(anomaly)", file: event.site.file,
          line: event.site.line)
      }
      report(anomaly)
      return
    }
  }
}

import Synchronization

/// The first recorded op whose derivative, checked by itself on the inputs it had, does not agree.
func findFault(
  in function: GradientFunction, at points: [Tensor], _ options: GradientCheckOptions
) -> GradientReport.Fault? {
  let recorder = OperationRecorder()
  let random = RandomSource(seed: options.seed)
  let scope = Scope.current.with { extras in
    extras.randomSource = random
    extras.replay = StateReplay()
  }
  scope.run {
    observing(recorder) {
      let inputs = points.map { $0.dtype.isFloatingPoint ? $0.tracked() : $0 }
      _ = recordingGradients { function.call(inputs) }
    }
  }
  for event in recorder.all {
    if let comparison = failure(of: event.operation, event, options) {
      return GradientReport.Fault(operation: event.name, site: event.site, comparison: comparison)
    }
  }
  return nil
}

private func failure(
  of operation: some TensorOperation, _ event: OperationEvent, _ options: GradientCheckOptions
) -> GradientReport.Comparison? {
  let inputs = event.inputs.all.map { $0.detached() }
  if inputs.contains(where: { $0.dtype == .float32 }) { return nil }
  let names = inputs.indices.map { type(of: operation).inputName($0, of: inputs.count) }
  let function = GradientFunction(operation, file: event.site.file, line: event.site.line)
  var comparison = GradientComparison(function, inputs, names, options, order: 1)
  comparison.run()
  return comparison.failures.max { $0.severity < $1.severity }
}

/// Remembers every op that ran and had a differentiable input.
private final class OperationRecorder: OperationObserver {
  private let events = Mutex<[OperationEvent]>([])
  var all: [OperationEvent] { events.withLock { $0 } }

  func didApply(_ event: OperationEvent) {
    guard event.inputs.all.contains(where: { $0.dtype.isFloatingPoint }) else { return }
    events.withLock { $0.append(event) }
  }
}

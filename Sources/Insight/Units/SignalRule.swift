import TapestryGraph
import TapestryOps

/// How a signal is sent from a layer back to the image.
public enum SignalRule: Sendable, Hashable, CaseIterable {
  /// By the derivative of every op: the result is the gradient.
  case gradient
  /// The derivative, but ReLU passes on positive signals only where its input was positive too.
  /// J. T. Springenberg et al., "Striving for simplicity: the all convolutional net", 2015.
  case guided
  /// ReLU passes on positive signals wherever they arrive; max pools send them to the winners of this image
  /// (switches), convolutions use their filters transposed, contrast normalisation is passed over.
  /// M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2013, section 2.1.
  case deconvolution
}

extension ModelRun {
  /// The signal at the input when `signal` leaves the op at `place` backwards; zeros where none arrives.
  ///
  /// - Precondition: the run was recorded; `signal` has the shape of that op's first result.
  func project(_ signal: Tensor, from place: Int, by rule: SignalRule) -> Tensor {
    var reached: Set<ObjectIdentifier> = [ObjectIdentifier(input)]
    for event in events[...place]
    where event.inputs.all.contains(where: { reached.contains(ObjectIdentifier($0)) }) {
      for output in event.outputs.all { reached.insert(ObjectIdentifier(output)) }
    }
    var flow = [ObjectIdentifier(events[place].outputs[0]): signal]
    for event in events[...place].reversed() {
      let cotangents = event.outputs.all.map { flow[ObjectIdentifier($0)] }
      guard cotangents.contains(where: { $0 != nil }) else { continue }
      for (operand, signal) in Self.step(event, cotangents, reached, rule) {
        let key = ObjectIdentifier(operand)
        flow[key] = flow[key].map { $0 + signal } ?? signal
      }
    }
    return flow[ObjectIdentifier(input)] ?? .zeros(input.shape, dtype: input.dtype)
  }

  /// What one op sends to those of its operands that depend on the input.
  private static func step(
    _ event: OperationEvent, _ cotangents: [Tensor?], _ reached: Set<ObjectIdentifier>,
    _ rule: SignalRule
  ) -> [(Tensor, Tensor)] {
    let operands = event.inputs.all
    let wanted = operands.indices.filter {
      reached.contains(ObjectIdentifier(operands[$0])) && operands[$0].dtype.isFloatingPoint
    }
    if rule == .deconvolution, event.name.contains("localResponse"), wanted.count == 1,
      let signal = cotangents[0]
    {
      return [(operands[wanted[0]], signal)]
    }
    let isRectifier = event.name == "relu"
    if rule == .deconvolution, isRectifier, let signal = cotangents[0] {
      return wanted.map { (operands[$0], withoutGradients { relu(signal) }) }
    }
    // The op once more, alone, for its own derivative.
    let inputs = operands.indices.map {
      wanted.contains($0) ? operands[$0].detached().tracked() : operands[$0].detached()
    }
    let outputs = recordingGradients { apply(event.operation, to: Tensors(inputs)).all }
    let sent = outputs.indices.filter { outputs[$0].isTracked && cotangents[$0] != nil }
    guard !sent.isEmpty else { return [] }
    let found = gradients(
      of: sent.map { outputs[$0] }, withRespectTo: wanted.map { inputs[$0] },
      cotangents: sent.map { cotangents[$0]! })
    return wanted.compactMap { index in
      guard let signal = found[inputs[index]] else { return nil }
      let isGuided = rule == .guided && isRectifier
      return (operands[index], isGuided ? withoutGradients { relu(signal) } : signal)
    }
  }
}

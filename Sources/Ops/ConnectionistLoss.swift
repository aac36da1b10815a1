import CTapestryKernels
import TapestryGraph

// Connectionist temporal classification: the likelihood of a label sequence that is shorter than the steps and not aligned with them.

/// losses[n] = - ln of the probability that the log-probabilities of sample n spell its labels.
struct ConnectionistLoss: TensorOperation {
  let blank: Int
  let zeroInfinity: Bool
  static var name: String { "ctcLoss" }
  static var inputNames: [String] {
    ["logProbabilities", "labels", "inputLengths", "labelLengths"]
  }
  var label: String { "blank \(blank)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs([inputs.spec(0).shape[1]], inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(
      Tensor([x.shape[1]], x.dtype) { losses in
        withProblem(inputs) { problem in x.withMemory { tapestry_ctc_loss(problem, $0, losses) } }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    guard node.needs(0) else { return Tensors([nil, nil, nil, nil]) }
    return Tensors([gradient(node, node.cotangent), nil, nil, nil])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    guard let tangent = node.tangent(0) else { return Tensors(nil) }
    let ones = Tensor.ones(node.outputSpec().shape, dtype: tangent.dtype)
    return Tensors((gradient(node, ones) * tangent).sum(along: 0, 2))
  }

  private func gradient(_ node: borrowing Differential, _ g: Tensor) -> Tensor {
    let inputs = Tensors([node.input(0), node.input(1), node.input(2), node.input(3), g])
    return apply(ConnectionistGradient(loss: self), to: inputs)[0]
  }

  /// Runs `body` with what the kernels want to know of the first four inputs.
  func withProblem(
    _ inputs: borrowing Tensors, _ body: (UnsafePointer<tapestry_ctc>) -> Void
  ) {
    let shape = inputs.spec(0).shape
    var problem = tapestry_ctc()
    problem.dtype = inputs.spec(0).dtype.code
    problem.steps = Int64(shape[0])
    problem.batch = Int64(shape[1])
    problem.classes = Int64(shape[2])
    problem.width = Int64(inputs.spec(1).shape[1])
    problem.blank = Int64(blank)
    problem.zero_infinity = zeroInfinity
    withMemory(inputs[1], inputs[2], inputs[3]) { labels, inputLengths, labelLengths in
      problem.labels = labels.assumingMemoryBound(to: Int64.self)
      problem.input_lengths = inputLengths.assumingMemoryBound(to: Int64.self)
      problem.label_lengths = labelLengths.assumingMemoryBound(to: Int64.self)
      body(&problem)
    }
  }
}

/// The gradient of the losses by the log-probabilities for the cotangent g: -g[n] times the probability of each class at each step, given
/// the labels.
struct ConnectionistGradient: TensorOperation {
  let loss: ConnectionistLoss
  static var name: String { "ctcLossGradient" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(inputs.spec(0)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, g) = (inputs[0], inputs[4])
    return Tensors(
      Tensor(inputs.spec(0)) { gradient in
        loss.withProblem(inputs) { problem in
          withMemory(x, g) { tapestry_ctc_gradient(problem, $0, $1, gradient) }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let h = node.cotangent
    let inputs = [node.input(0), node.input(1), node.input(2), node.input(3)]
    var gradients: [Tensor?] = [nil, nil, nil, nil, nil]
    if node.needs(0) {
      // The second derivative is symmetric: its transpose is what moving along h gives.
      gradients[0] =
        apply(
          ConnectionistCurvature(loss: loss), to: Tensors(inputs + [node.input(4), h]))[0]
    }
    if node.needs(4) {
      let ones = Tensor.ones(node.inputSpec(4).shape, dtype: h.dtype)
      gradients[4] = (apply(self, to: Tensors(inputs + [ones]))[0] * h).sum(along: 0, 2)
    }
    return Tensors(gradients)
  }
}

/// The second derivative of the losses, weighted by g, times a direction.
struct ConnectionistCurvature: TensorOperation {
  let loss: ConnectionistLoss
  static var name: String { "ctcLossCurvature" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(inputs.spec(0)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, g, direction) = (inputs[0], inputs[4], inputs[5])
    return Tensors(
      Tensor(inputs.spec(0)) { result in
        loss.withProblem(inputs) { problem in
          withMemory(x, g, direction) {
            tapestry_ctc_curvature(problem, $0, $1, $2, result)
          }
        }
      })
  }

  /// Linear in g and in the direction. A third derivative by the log-probabilities is not there.
  func backward(_ node: borrowing Differential) -> Tensors {
    guard !node.needs(0) else {
      trap(
        "ctcLoss has first and second derivatives, no third; this one was asked for a node made at \(node.site)",
        file: node.site.file, line: node.site.line)
    }
    let h = node.cotangent
    let inputs = [node.input(0), node.input(1), node.input(2), node.input(3)]
    var gradients: [Tensor?] = [nil, nil, nil, nil, nil, nil]
    if node.needs(4) {
      let ones = Tensor.ones(node.inputSpec(4).shape, dtype: h.dtype)
      gradients[4] =
        (apply(self, to: Tensors(inputs + [ones, node.input(5)]))[0] * h).sum(along: 0, 2)
    }
    if node.needs(5) { gradients[5] = apply(self, to: Tensors(inputs + [node.input(4), h]))[0] }
    return Tensors(gradients)
  }
}

/// Connectionist temporal classification: - ln of the probability that the steps spell the labels, over all alignments.
///
/// At every step softmax(logits) is the distribution of a class or the blank; a sequence of them spells labels when repeats are merged and then
/// blanks dropped. Sums run over logarithms, in double precision: nothing underflows, however many steps there are. Two derivatives.
///
/// - Parameters:
///   - logits: `[T, N, classes]`, not probabilities: a softmax over the last axis is part of the loss.
///   - labels: `[N, S]`, int64 or int32; entries beyond a sample's length mean nothing.
///   - inputLengths: the steps of each sample that count, `[N]`, in 0 ... T.
///   - labelLengths: how many labels each sample has, `[N]`, in 0 ... S.
///   - blank: the class that stands for no label. Default: 0.
///   - zeroInfinity: whether a sample whose steps are too few for its labels has loss 0 and no gradient, instead of an infinite loss and
///     a gradient of NaN. Default: false.
///   - reduction: `.mean` divides each loss by its number of labels (at least 1), then their sum by N. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N]`.
/// - Precondition: shapes as above; `blank` is a class. Lengths out of range, and labels that are the blank or no class, end the process with value
///   and position.
///
/// Graves, Fernández, Gomez, Schmidhuber, "Connectionist temporal classification", 2006.
public func ctcLoss(
  _ logits: Tensor, labels: Tensor, inputLengths: Tensor, labelLengths: Tensor, blank: Int = 0,
  zeroInfinity: Bool = false, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let operands = [
    (name: "logits", tensor: logits), (name: "labels", tensor: labels),
    (name: "inputLengths", tensor: inputLengths), (name: "labelLengths", tensor: labelLengths),
  ]
  if let refused = refusal(
    of: "ctcLoss", operands, file: file, line: line,
    rule: { () throws(Misuse) in
      try requireSameType(Tensors(logits))
      guard logits.rank == 3 else {
        throw Misuse("the logits need 3 axes, [steps, N, classes], not \(logits.rank)")
      }
      let (batch, classes) = (logits.shape[1], logits.shape[2])
      for (name, tensor) in operands.dropFirst() {
        guard tensor.dtype == .int64 || tensor.dtype == .int32 else {
          throw Misuse("\(name) is int64 (or int32), not \(tensor.dtype)")
        }
      }
      guard labels.rank == 2, labels.shape[0] == batch else {
        throw Misuse("a batch of \(batch) needs labels [\(batch), S], not \(labels.shape)")
      }
      guard inputLengths.shape == [batch], labelLengths.shape == [batch] else {
        throw Misuse(
          "a batch of \(batch) needs a length each, [\(batch)], not \(inputLengths.shape) and"
            + " \(labelLengths.shape)")
      }
      guard blank >= 0, blank < classes else {
        throw Misuse(
          "the blank \(blank) is none of the \(counted(classes, "class", "classes"))")
      }
    })
  {
    return refused
  }
  let wide = operands.dropFirst().map {
    $0.tensor.dtype == .int64 ? $0.tensor : $0.tensor.converted(to: .int64)
  }
  requireSequences(
    wide, steps: logits.shape[0], classes: logits.shape[2], blank: blank, file: file, line: line)
  let logProbabilities = logSoftmax(logits, axis: 2, file: file, line: line)
  let losses = apply(
    ConnectionistLoss(blank: blank, zeroInfinity: zeroInfinity),
    to: Tensors([logProbabilities] + wide), file: file, line: line)[0]
  guard reduction == .mean else { return losses.reduced(reduction, file: file, line: line) }
  let divisors = clip(wide[2], min: 1).converted(to: losses.dtype)
  return (losses / divisors).reduced(.mean, file: file, line: line)
}

/// Lengths and labels are in range; in a dry run they may have no values.
private func requireSequences(
  _ tensors: [Tensor], steps: Int, classes: Int, blank: Int, file: StaticString, line: UInt
) {
  if tensors.contains(where: \.isPlaceholder) { return }
  let width = tensors[0].shape[1]
  let (labels, inputs, lengths) = (
    tensors[0].integers(), tensors[1].integers(), tensors[2].integers()
  )
  for sample in inputs.indices {
    guard inputs[sample] >= 0, inputs[sample] <= steps else {
      trap(
        "ctcLoss: input length \(inputs[sample]) of sample \(sample) is not in 0 ... \(steps)",
        file: file, line: line)
    }
    guard lengths[sample] >= 0, lengths[sample] <= width else {
      trap(
        "ctcLoss: label length \(lengths[sample]) of sample \(sample) is not in 0 ... \(width)",
        file: file, line: line)
    }
    for place in 0..<lengths[sample] {
      let label = labels[sample * width + place]
      guard label >= 0, label < classes, label != blank else {
        let fault =
          label == blank
          ? "is the blank"
          : "is none of the \(counted(classes, "class", "classes")), 0 to \(classes - 1)"
        trap(
          "ctcLoss: label \(label) at position \([sample, place]) \(fault)", file: file, line: line)
      }
    }
  }
}

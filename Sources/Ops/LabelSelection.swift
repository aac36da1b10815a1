import TapestryGraph

// Classes lie on axis 1 of [N, classes, ...], labels are [N, ...]: how one is picked by the other.

/// y[n, ...] = x[n, labels[n, ...], ...], and 0 where the label is negative.
struct PickClass: TensorOperation {
  static var inputNames: [String] { ["input", "labels"] }
  private static let kept = Kept.inputs(1)
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireLabels(inputs[1], for: inputs[0])
    return Specs(inputs.spec(1).shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, labels) = (inputs[0], inputs[1])
    let layout = AxisLayout(x.shape, axis: 1)
    return Tensors(
      Tensor(labels.shape, x.dtype) { y in
        withMemory(x, labels) { x, labels in
          let labels = labels.assumingMemoryBound(to: Int64.self)
          switch inputs.spec(0).dtype {
          case .float32: pick(Float.self, layout, x, labels, y)
          default: pick(Double.self, layout, x, labels, y)
          }
        }
      })
  }

  private func pick<Scalar: BinaryFloatingPoint>(
    _ type: Scalar.Type, _ layout: AxisLayout, _ source: UnsafeRawPointer,
    _ labels: UnsafePointer<Int64>, _ target: UnsafeMutableRawPointer
  ) {
    let x = source.assumingMemoryBound(to: Scalar.self)
    let y = target.assumingMemoryBound(to: Scalar.self)
    for outer in 0..<layout.outer {
      for inner in 0..<layout.inner {
        let position = outer * layout.inner + inner
        let label = Int(labels[position])
        y[position] = label < 0 ? 0 : x[(outer * layout.size + label) * layout.inner + inner]
      }
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(
        PlaceClass(classes: node.inputSpec(0).shape[1]), to: Tensors(node.cotangent, node.input(1)))[
          0],
      nil)
  }
}

/// y = 0, and y[n, labels[n, ...], ...] = x[n, ...]: the transpose of ``PickClass``.
struct PlaceClass: TensorOperation {
  static var inputNames: [String] { ["input", "labels"] }
  private static let kept = Kept.inputs(1)
  let classes: Int
  var keeps: Kept { Self.kept }

  private func outputShape(_ labels: TensorShape) -> TensorShape {
    var shape = TensorShape([labels[0], classes])
    for axis in 1..<labels.rank { shape.append(labels[axis]) }
    return shape
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).shape == inputs.spec(1).shape, inputs[0].rank >= 1 else {
      throw Misuse(
        "the labels have shape \(inputs.spec(1).shape), but the input \(inputs.spec(0).shape)")
    }
    return Specs(outputShape(inputs.spec(1).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, labels) = (inputs[0], inputs[1])
    let shape = outputShape(labels.shape)
    let layout = AxisLayout(shape, axis: 1)
    return Tensors(
      Tensor(shape, x.dtype) { y in
        withMemory(x, labels) { x, labels in
          let labels = labels.assumingMemoryBound(to: Int64.self)
          switch inputs.spec(0).dtype {
          case .float32: place(Float.self, layout, x, labels, y)
          default: place(Double.self, layout, x, labels, y)
          }
        }
      })
  }

  private func place<Scalar: BinaryFloatingPoint>(
    _ type: Scalar.Type, _ layout: AxisLayout, _ source: UnsafeRawPointer,
    _ labels: UnsafePointer<Int64>, _ target: UnsafeMutableRawPointer
  ) {
    let x = source.assumingMemoryBound(to: Scalar.self)
    let y = target.assumingMemoryBound(to: Scalar.self)
    y.update(repeating: 0, count: layout.outer * layout.size * layout.inner)
    for outer in 0..<layout.outer {
      for inner in 0..<layout.inner {
        let position = outer * layout.inner + inner
        let label = Int(labels[position])
        if label >= 0 { y[(outer * layout.size + label) * layout.inner + inner] = x[position] }
      }
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(PickClass(), to: Tensors(node.cotangent, node.input(1)))[0], nil)
  }
}

func pickClass(_ x: Tensor, _ labels: Tensor) -> Tensor {
  apply(PickClass(), to: Tensors(x, labels))[0]
}

/// Labels fit scores `[N, classes, ...]` when they are integers `[N, ...]`.
func requireLabels(_ labels: Tensor, for scores: Tensor) throws(Misuse) {
  guard scores.rank >= 2 else {
    throw Misuse("the scores need at least 2 axes, [batch, classes, ...], not \(scores.rank)")
  }
  guard scores.dtype.isFloatingPoint else {
    throw Misuse("the scores need float32 or float64, not \(scores.dtype)")
  }
  guard labels.dtype == .int64 || labels.dtype == .int32 else {
    throw Misuse("the labels are int64 (or int32), not \(labels.dtype)")
  }
  var expected = TensorShape([scores.shape[0]])
  for axis in 2..<scores.rank { expected.append(scores.shape[axis]) }
  guard labels.shape == expected else {
    throw Misuse(
      "scores \(scores.shape) need labels \(expected), one per position, not \(labels.shape)")
  }
}

/// A weight per class.
func requireClassWeights(_ weights: Tensor?, for scores: Tensor) throws(Misuse) {
  guard let weights else { return }
  guard weights.rank == 1, weights.shape[0] == scores.shape[1] else {
    throw Misuse(
      "classWeights needs one number per class, shape [\(scores.shape[1])], not \(weights.shape)")
  }
  guard weights.dtype == scores.dtype else {
    throw Misuse("classWeights is \(weights.dtype), but the scores are \(scores.dtype)")
  }
}

/// Labels that have been looked at.
struct CheckedLabels {
  /// int64, -1 at ignored positions.
  let tensor: Tensor
  /// How many are not ignored.
  let validCount: Int

  /// - Precondition: the labels fit, and each one that is not ignored is one of the classes.
  init(
    _ labels: Tensor, classes: Int, ignoring ignored: Int?, function: String, file: StaticString,
    line: UInt
  ) {
    if labels.isPlaceholder {
      tensor = labels.dtype == .int64 ? labels : .shape(labels.shape, dtype: .int64)
      validCount = labels.count
      return
    }
    let wide = labels.dtype == .int64 ? labels : labels.converted(to: .int64)
    var remaining = labels.count
    wide.withMemory { memory in
      let values = UnsafeBufferPointer(
        start: memory.assumingMemoryBound(to: Int64.self), count: wide.count)
      for (position, label) in values.enumerated() {
        if let ignored, label == Int64(ignored) {
          remaining -= 1
        } else if label < 0 || label >= Int64(classes) {
          trap(
            "\(function): label \(label) at position \(Self.place(position, in: wide.shape)) is none of the"
              + " \(counted(classes, "class", "classes")), 0 to \(classes - 1)", file: file,
            line: line)
        }
      }
    }
    validCount = remaining
    guard remaining < labels.count, let ignored else {
      tensor = wide
      return
    }
    tensor = Tensor(integers: wide.integers().map { $0 == ignored ? -1 : $0 }, shape: wide.shape)
  }

  private static func place(_ position: Int, in shape: TensorShape) -> String {
    if shape.rank == 1 { return "\(position)" }
    return "\(zip(shape.strides, shape).map { position / $0 % max($1, 1) })"
  }

  /// 1 at positions that count and 0 at ignored ones; `nil` where all count.
  func mask(_ dtype: DType) -> Tensor? {
    if validCount == tensor.count || tensor.isPlaceholder { return nil }
    return Tensor(
      tensor.integers().map { $0 < 0 ? 0 : 1 }, shape: tensor.shape, dtype: dtype)
  }
}

import TapestryGraph

// The forms of normalisations.

extension NormalizeWithStatistics: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    var result = form.node(
      "BatchNormalization", (0..<5).map { .input($0) }, [("epsilon", .float(epsilon))])
    if ending == .residual { result = form.node("Add", [result, .input(5)]) }
    if ending != .plain { result = form.node("Relu", [result]) }
    return [result]
  }
}

extension Normalize: ExchangeableOperation {
  /// The statistics, which running ones are made from in training, are not said.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    switch family {
    case .batch: throw Misuse("statistics of the batch itself belong to training")
    case .group(let groups): return [groupForm(&form, groups), .absent, .absent]
    case .instance:
      let result = form.node(
        "InstanceNormalization", [form.x, .input(1), .input(2)], [("epsilon", .float(epsilon))])
      return [result, .absent, .absent]
    case .layer(let width): return [layerForm(&form, width), .absent, .absent]
    }
  }

  /// Every group as a channel of an instance normalisation.
  private func groupForm(_ form: inout ExchangeForm, _ groups: Int) -> ExchangeForm.Operand {
    let shape = form.shape
    let pixels = shape.dropFirst(2).reduce(1, *)
    let rows = TensorShape([shape[0], groups, shape[1] / groups * pixels])
    let flat = form.reshaped(form.x, from: shape, to: rows)
    let ones = form.constant([groups], [Double](repeating: 1, count: groups), form.dtype)
    let zeros = form.constant([groups], [Double](repeating: 0, count: groups), form.dtype)
    let normal = form.node(
      "InstanceNormalization", [flat, ones, zeros], [("epsilon", .float(epsilon))])
    let back = form.reshaped(normal, from: rows, to: shape)
    let perChannel = form.integers([-1] + [Int](repeating: 1, count: shape.rank - 2))
    let scaled = form.node("Mul", [back, form.node("Reshape", [.input(1), perChannel])])
    return form.node("Add", [scaled, form.node("Reshape", [.input(2), perChannel])])
  }

  private func layerForm(_ form: inout ExchangeForm, _ width: Int) -> ExchangeForm.Operand {
    let shape = form.shape
    var (axis, count) = (shape.rank, 1)
    while axis > 0, count < width || axis == shape.rank {
      axis -= 1
      count *= shape[axis]
    }
    let row = TensorShape(shape[axis...])
    let sizes = form.integers(Array(row))
    func vector(_ index: Int) -> ExchangeForm.Operand {
      form.inputs[index].shape == row
        ? .input(index) : form.node("Reshape", [.input(index), sizes])
    }
    return form.node(
      "LayerNormalization", [form.x, vector(1), vector(2)],
      [("axis", .integer(axis)), ("epsilon", .float(epsilon))])
  }
}

extension RootMeanSquareNormalize: ExchangeableOperation {
  /// By its parts: the opset has no node for it.
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let shape = form.shape
    let row = form.inputs[1].shape
    let axes = (shape.rank - row.rank..<shape.rank).map { $0 - shape.rank }
    let squares = form.node("Mul", [form.x, form.x])
    let mean = form.node("ReduceMean", [squares], [("axes", .integers(axes))])
    let root = form.node("Sqrt", [form.node("Add", [mean, form.number(epsilon)])])
    return [form.node("Mul", [form.node("Div", [form.x, root]), .input(1)])]
  }
}

extension LocalResponseNormalization: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let attributes: [(name: String, value: ExchangeForm.Attribute)] = [
      ("size", .integer(size)), ("alpha", .float(alpha)), ("beta", .float(beta)),
      ("bias", .float(k)),
    ]
    if size % 2 == 1 { return [form.node("LRN", [form.x], attributes)] }
    // Of an even window the larger half comes before here and after there.
    func reversed(_ operand: ExchangeForm.Operand) -> ExchangeForm.Operand {
      form.node(
        "Slice",
        [
          operand, form.integers([-1]), form.integers([Int(Int32.min)]), form.integers([1]),
          form.integers([-1]),
        ])
    }
    return [reversed(form.node("LRN", [reversed(form.x)], attributes))]
  }
}

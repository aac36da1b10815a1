import TapestryGraph

// The forms of ops that rearrange, join, cut, pick and reduce.

extension Reshape: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let (old, new) = (form.shape, form.outputs[0].shape)
    // The usual way from images to features.
    if new.rank == 2, old.rank > 2, old[0] == new[0] {
      return [form.node("Flatten", [form.x], [("axis", .integer(1))])]
    }
    return [form.reshaped(form.x, from: old, to: new)]
  }
}

extension ExpandDimensions: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank + 1 : axis
    return [form.node("Unsqueeze", [form.x, form.integers([place])])]
  }
}

extension Squeeze: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let (shape, rank) = (form.shape, form.shape.rank)
    let chosen =
      axes.isEmpty ? shape.indices.filter { shape[$0] == 1 } : axes.map { $0 < 0 ? $0 + rank : $0 }
    return [form.node("Squeeze", [form.x, form.integers(chosen)])]
  }
}

extension Transpose: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let rank = form.shape.rank
    var order = permutation.map { $0 < 0 ? $0 + rank : $0 }
    if order.isEmpty {
      order = Array(0..<rank)
      order.swapAt(rank - 1, rank - 2)
    }
    return [form.node("Transpose", [form.x], [("perm", .integers(order))])]
  }
}

extension Broadcast: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let (old, new) = (form.shape, form.outputs[0].shape)
    let added = new.rank - old.rank
    let sizes = new.indices.map { $0 >= added && old[$0 - added] == new[$0] ? 1 : new[$0] }
    return [form.node("Expand", [form.x, form.integers(sizes)])]
  }
}

extension Flip: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let rank = form.shape.rank
    let chosen = axes.isEmpty ? Array(0..<rank) : axes.map { $0 < 0 ? $0 + rank : $0 }
    func all(_ value: Int) -> ExchangeForm.Operand {
      form.integers([Int](repeating: value, count: chosen.count))
    }
    // From the last to the one before the first, which the smallest number stands for.
    return [
      form.node(
        "Slice", [form.x, all(-1), all(Int(Int32.min)), form.integers(chosen), all(-1)])
    ]
  }
}

extension Concatenate: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank : axis
    return [
      form.node("Concat", form.inputs.indices.map { .input($0) }, [("axis", .integer(place))])
    ]
  }
}

extension Split: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank : axis
    let first = form.node(
      "Split", [form.x, form.integers(sizes)], outputs: sizes.count, [("axis", .integer(place))])
    return sizes.indices.map { first.output($0) }
  }
}

extension Slice: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let rank = form.shape.rank
    return [
      form.node(
        "Slice",
        [
          form.x, form.integers(ranges.map(\.start)),
          form.integers(ranges.map { min($0.end, Int(Int32.max)) }),
          form.integers(ranges.map { $0.axis < 0 ? $0.axis + rank : $0.axis }),
          form.integers(ranges.map(\.step)),
        ])
    ]
  }
}

extension Pad: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Pad", [form.x, form.integers(before + after), form.number(value)])]
  }
}

extension Gather: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank : axis
    return [form.node("Gather", [form.x, .input(1)], [("axis", .integer(place))])]
  }
}

extension TakeAlongAxis: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank : axis
    return [form.node("GatherElements", [form.x, .input(1)], [("axis", .integer(place))])]
  }
}

extension Softmax: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("Softmax", [form.x], [("axis", .integer(axis))])]
  }
}

extension LogSoftmax: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.node("LogSoftmax", [form.x], [("axis", .integer(axis))])]
  }
}

/// A reduction that ONNX has.
private protocol NamedReduction: ReducingOperation, ExchangeableOperation {
  static var exchangeName: String { get }
}

extension NamedReduction {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    [form.reduced(form.x, Self.exchangeName, axes, keepsDimensions)]
  }
}

extension Sum: NamedReduction { static var exchangeName: String { "ReduceSum" } }
extension Mean: NamedReduction { static var exchangeName: String { "ReduceMean" } }
extension Max: NamedReduction { static var exchangeName: String { "ReduceMax" } }
extension Min: NamedReduction { static var exchangeName: String { "ReduceMin" } }
extension LogSumExp: NamedReduction { static var exchangeName: String { "ReduceLogSumExp" } }
extension Norm: NamedReduction { static var exchangeName: String { "ReduceL2" } }

extension Variance: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let centred = form.node("Sub", [form.x, form.reduced(form.x, "ReduceMean", axes, true)])
    let squares = form.node("Mul", [centred, centred])
    guard isUnbiased else { return [form.reduced(squares, "ReduceMean", axes, keepsDimensions)] }
    let set = try AxisSet(axes, rank: form.shape.rank)
    let counted = form.shape.indices.filter { set.contains($0) }.map { form.shape[$0] }
    let sum = form.reduced(squares, "ReduceSum", axes, keepsDimensions)
    return [form.node("Div", [sum, form.number(Double(counted.reduce(1, *) - 1))])]
  }
}

extension ArgMax: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    if let axis {
      let place = axis < 0 ? axis + form.shape.rank : axis
      return [
        form.node(
          "ArgMax", [form.x], [("axis", .integer(place)), ("keepdims", .flag(keepsDimensions))])
      ]
    }
    let flat = form.node("Reshape", [form.x, form.integers([-1])])
    let place = form.node("ArgMax", [flat], [("axis", .integer(0)), ("keepdims", .integer(0))])
    return [form.node("Reshape", [place, form.integers(Array(form.outputs[0].shape))])]
  }
}

extension ExchangeForm {
  /// In operator set 17 the sum takes its axes as an operand, the others as an attribute.
  mutating func reduced(
    _ operand: Operand, _ operation: String, _ axes: [Int], _ keepsDimensions: Bool
  ) -> Operand {
    var attributes: [(name: String, value: Attribute)] = [("keepdims", .flag(keepsDimensions))]
    var operands = [operand]
    if !axes.isEmpty {
      let rank = shape.rank
      let chosen = axes.map { $0 < 0 ? $0 + rank : $0 }
      if operation == "ReduceSum" {
        operands.append(integers(chosen))
      } else {
        attributes.append(("axes", .integers(chosen)))
      }
    }
    return node(operation, operands, attributes)
  }
}

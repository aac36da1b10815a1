import TapestryGraph

// The forms of products by names of axes, triangles, borders, and of ops that write where indices say.

extension Contraction: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    // Axes of an ellipsis get letters that nobody has.
    let all = Set(left + right + result)
    var free = (UInt8(ascii: "a")...UInt8(ascii: "z")).filter { !all.contains($0) }
    var letters: [UInt8: UInt8] = [:]
    for label in all.sorted() { letters[label] = label >= 65 ? label : free.removeFirst() }
    func text(_ labels: [UInt8]) -> String {
      String(decoding: labels.map { letters[$0]! }, as: UTF8.self)
    }
    let equation = "\(text(left)),\(text(right))->\(text(result))"
    return [form.node("Einsum", [form.x, .input(1)], [("equation", .text(equation))])]
  }
}

extension Triangle: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let limit = Int(Int32.max)
    let diagonal = Double(min(max(offset, -limit), limit))
    return [
      form.node(
        "Trilu", [form.x, form.constant([], [diagonal], .int64)], [("upper", .flag(isUpper))])
    ]
  }
}

extension PadBorder: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let name: String
    switch mode {
    case .reflect: name = "reflect"
    case .replicate: name = "edge"
    case .constant: name = "constant"
    case .circular: return [try circular(&form)]
    }
    let amounts = form.integers([before, after].flatMap { $0 })
    return [form.node("Pad", [form.x, amounts], [("mode", .text(name))])]
  }

  /// The end before, the beginning behind, axis by axis: operator set 17 has no mode for it.
  private func circular(_ form: inout ExchangeForm) throws(Misuse) -> ExchangeForm.Operand {
    var result = form.x
    for axis in before.indices where before[axis] > 0 || after[axis] > 0 {
      var parts = [result]
      if before[axis] > 0 {
        parts.insert(form.part(result, from: -before[axis], to: form.end, axis), at: 0)
      }
      if after[axis] > 0 { parts.append(form.part(result, from: 0, to: after[axis], axis)) }
      result = form.node("Concat", parts, [("axis", .integer(axis))])
    }
    return result == form.x ? form.node("Identity", [result]) : result
  }
}

extension Roll: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let rank = form.shape.rank
    var result = form.x
    for (shift, axis) in zip(shifts, axes) {
      let axis = axis < 0 ? axis + rank : axis
      let size = form.shape[axis]
      // In range: less than the size.
      let move = size == 0 ? 0 : (shift % size + size) % size
      if move == 0 { continue }
      let parts = [
        form.part(result, from: -move, to: form.end, axis),
        form.part(result, from: 0, to: -move, axis),
      ]
      result = form.node("Concat", parts, [("axis", .integer(axis))])
    }
    return [result == form.x ? form.node("Identity", [result]) : result]
  }
}

extension ExchangeForm {
  /// Beyond every axis.
  fileprivate var end: Int { Int(Int32.max) }

  /// Positions of one axis; negative ones count from the end.
  fileprivate mutating func part(_ operand: Operand, from: Int, to: Int, _ axis: Int) -> Operand {
    node("Slice", [operand, integers([from]), integers([to]), integers([axis])])
  }
}

extension Scatter: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let place = axis < 0 ? axis + form.shape.rank : axis
    return [
      form.node(
        "ScatterElements", [form.x, .input(1), .input(2)],
        [("axis", .integer(place)), ("reduction", .text(adds ? "add" : "none"))])
    ]
  }
}

extension OneHot: ExchangeableOperation {
  package func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand] {
    let depth = form.constant([], [Double(classes)], .int64)
    let values = form.constant([2], [0, 1], dtype)
    return [form.node("OneHot", [form.x, depth, values], [("axis", .integer(-1))])]
  }
}

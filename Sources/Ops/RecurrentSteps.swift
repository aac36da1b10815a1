import TapestryGraph

// Recurrent nets step by step, made of other ops: what the derivatives of the fused ones are made of, and what they are
// checked against.

/// One direction of one layer: the order of the steps, and where each sequence ends.
struct RecurrentCourse: Sendable {
  let cell: RecurrentCell
  /// From the last step to the first.
  let isReversed: Bool
  /// Steps of each sequence; `nil`: all.
  let lengths: [Int64]?

  /// Which sequences are still there at a step, as `[N, 1]`; `nil` where all are.
  func mask(at step: Int) -> Tensor? {
    guard let lengths, lengths.contains(where: { $0 <= step }) else { return nil }
    return Tensor(
      integers: lengths.map { $0 > step ? 1 : 0 }, shape: [lengths.count, 1], dtype: .bool)
  }

  /// What goes through the steps.
  struct State {
    var hidden: Tensor
    var cell: Tensor?
  }

  /// The results of all steps `[T, N, H]`, and the last states; a step's sums go to `visit` before they are bent.
  ///
  /// - Parameters:
  ///   - projected: the inputs' share of the gates, `[T, N, blocks H]`.
  ///   - operands: weightHidden, the hidden state, the cell state for an lstm, the bias of the hidden product if any.
  func composed(
    _ projected: Tensor, _ operands: [Tensor],
    visit: (_ step: Int, _ sums: Tensor) -> Void = { _, _ in }
  ) -> [Tensor] {
    let weightHidden = operands[0]
    var state = State(hidden: operands[1], cell: cell == .lstm ? operands[2] : nil)
    let bias = operands.count > (cell == .lstm ? 3 : 2) ? operands.last : nil
    let steps = projected.shape[0]
    let parts =
      steps == 0 ? [] : projected.split([Int](repeating: 1, count: steps), along: 0)
    var results = [Tensor?](repeating: nil, count: steps)
    for place in 0..<steps {
      let step = isReversed ? steps - 1 - place : place
      var next = advanced(
        state, parts[step].squeezed(0), linear(state.hidden, weightHidden, bias: bias)
      ) { visit(step, $0) }
      var result = next.hidden
      if let mask = mask(at: step) {
        result = select(where: mask, next.hidden, else: Tensor(0, dtype: projected.dtype))
        next.hidden = select(where: mask, next.hidden, else: state.hidden)
        if let (new, old) = next.cell.flatMap({ new in state.cell.map { (new, $0) } }) {
          next.cell = select(where: mask, new, else: old)
        }
      }
      results[step] = result
      state = next
    }
    let shape = TensorShape([0] + Array(state.hidden.shape))
    let y =
      steps == 0
      ? Tensor.zeros(shape, dtype: projected.dtype) : stack(results.map { $0! })
    return [y, state.hidden] + (state.cell.map { [$0] } ?? [])
  }

  /// The next state from the shares of input and hidden state in the gates.
  func advanced(
    _ state: State, _ input: Tensor, _ hidden: Tensor, visit: (Tensor) -> Void
  ) -> State {
    let sizes = [Int](repeating: state.hidden.shape[1], count: cell.blocks)
    switch cell {
    case .tanh:
      return State(hidden: tanh(input + hidden))
    case .relu:
      let sums = input + hidden
      visit(sums)
      return State(hidden: relu(sums))
    case .gru:
      let (i, h) = (input.split(sizes, along: 1), hidden.split(sizes, along: 1))
      let (r, z) = (sigmoid(i[0] + h[0]), sigmoid(i[1] + h[1]))
      let n = tanh(i[2] + r * h[2])
      return State(hidden: n + z * (state.hidden - n))
    case .lstm:
      let gates = (input + hidden).split(sizes, along: 1)
      let next =
        sigmoid(gates[1]) * state.cell! + sigmoid(gates[0]) * tanh(gates[2])
      return State(hidden: sigmoid(gates[3]) * tanh(next), cell: next)
    }
  }
}

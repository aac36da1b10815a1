import TapestryGraph

/// The rows of a table at given indices: a vector for each word, say.
///
/// - Parameters:
///   - table: `[count, width]`.
///   - indices: int64 (or int32) of any shape, each in `0 ..< count`. They may repeat: gradients
///     add up.
/// - Returns: the indices' shape, then `width`.
/// - Precondition: shapes and range as above.
public func embedding(
  _ table: Tensor, _ indices: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "embedding", [("table", table), ("indices", indices)], file: file, line: line,
    rule: { () throws(Misuse) in
      guard table.rank == 2 else {
        throw Misuse("the table needs 2 axes, [count, width], not \(table.rank)")
      }
      guard indices.dtype == .int64 || indices.dtype == .int32 else {
        throw Misuse("the indices are int64 (or int32), not \(indices.dtype)")
      }
    })
  {
    return refused
  }
  return table.gathered(indices, along: 0, file: file, line: line)
}

/// One step of a long short-term memory.
///
/// The four blocks of rows of weightInput xᵀ + biasInput + weightHidden hᵀ + biasHidden are, in
/// this order, i, f, g, o. cell = sigmoid(f) c + sigmoid(i) tanh(g), hidden = sigmoid(o)
/// tanh(cell).
///
/// - Parameters:
///   - x: `[N, inputs]`.
///   - hidden: the state h, `[N, H]`.
///   - cell: the state c, `[N, H]`.
///   - weightInput: `[4 H, inputs]`.
///   - weightHidden: `[4 H, H]`.
///   - biasInput: `[4 H]`. Default: none.
///   - biasHidden: `[4 H]`. Default: none.
/// - Returns: the next hidden and cell states, `[N, H]` each.
/// - Precondition: shapes as above.
///
/// Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al.,
/// 2000; gates ordered as in PyTorch.
public func lstmCell(
  _ x: Tensor, hidden: Tensor, cell: Tensor, weightInput: Tensor, weightHidden: Tensor,
  biasInput: Tensor? = nil, biasHidden: Tensor? = nil, file: StaticString = #fileID,
  line: UInt = #line
) -> (hidden: Tensor, cell: Tensor) {
  let operands = [
    (name: "input", tensor: x), (name: "hidden", tensor: hidden), (name: "cell", tensor: cell),
    (name: "weightInput", tensor: weightInput), (name: "weightHidden", tensor: weightHidden),
  ]
  if let refused = refusal(
    of: "lstmCell", operands, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank == 2, cell.rank == 2, hidden.shape == cell.shape, x.shape[0] == cell.shape[0]
      else {
        throw Misuse("input [N, inputs] and states [N, H] of equal shape are needed")
      }
      let rows = try checkedProduct(4, cell.shape[1], "four times the size of the state")
      guard Array(weightInput.shape) == [rows, x.shape[1]],
        Array(weightHidden.shape) == [rows, cell.shape[1]]
      else {
        throw Misuse(
          "the weights need the shapes [\(rows), \(x.shape[1])] and [\(rows), \(cell.shape[1])],"
            + " four blocks of rows each")
      }
    })
  {
    return (refused, refused)
  }
  let gates =
    linear(x, weightInput, bias: biasInput, file: file, line: line)
    + linear(hidden, weightHidden, bias: biasHidden, file: file, line: line)
  let blocks = gates.split(
    [Int](repeating: cell.shape[1], count: 4), along: 1, file: file, line: line)
  let next =
    sigmoid(blocks[1], file: file, line: line) * cell
    + sigmoid(blocks[0], file: file, line: line) * tanh(blocks[2], file: file, line: line)
  return (sigmoid(blocks[3], file: file, line: line) * tanh(next, file: file, line: line), next)
}

/// One step of a gated recurrent unit.
///
/// The three blocks of rows of the weights are r, z, n. r and z are sigmoids of the sums of input and hidden product,
/// n = tanh(input product + r · hidden product), biases included; the next state is (1 - z) n + z h.
///
/// - Parameters:
///   - x: `[N, inputs]`.
///   - hidden: the state h, `[N, H]`.
///   - weightInput: `[3 H, inputs]`.
///   - weightHidden: `[3 H, H]`.
///   - biasInput: `[3 H]`. Default: none.
///   - biasHidden: `[3 H]`. Default: none.
/// - Returns: the next state, `[N, H]`.
/// - Precondition: shapes as above.
///
/// Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, with the reset gate behind the matrix,
/// as in PyTorch and cuDNN.
public func gruCell(
  _ x: Tensor, hidden: Tensor, weightInput: Tensor, weightHidden: Tensor, biasInput: Tensor? = nil,
  biasHidden: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operands = [
    (name: "input", tensor: x), (name: "hidden", tensor: hidden),
    (name: "weightInput", tensor: weightInput), (name: "weightHidden", tensor: weightHidden),
  ]
  if let refused = refusal(
    of: "gruCell", operands, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank == 2, hidden.rank == 2, x.shape[0] == hidden.shape[0] else {
        throw Misuse("input [N, inputs] and state [N, H] are needed")
      }
      let rows = try checkedProduct(3, hidden.shape[1], "three times the size of the state")
      guard Array(weightInput.shape) == [rows, x.shape[1]],
        Array(weightHidden.shape) == [rows, hidden.shape[1]]
      else {
        throw Misuse(
          "the weights need the shapes [\(rows), \(x.shape[1])] and [\(rows), \(hidden.shape[1])],"
            + " three blocks of rows each")
      }
    })
  {
    return refused
  }
  let course = RecurrentCourse(cell: .gru, isReversed: false, lengths: nil)
  return course.advanced(
    RecurrentCourse.State(hidden: hidden),
    linear(x, weightInput, bias: biasInput, file: file, line: line),
    linear(hidden, weightHidden, bias: biasHidden, file: file, line: line), visit: { _ in }
  ).hidden
}

import TapestryGraph

// Recurrent nets over whole sequences: layers, directions, lengths.

/// All layers and directions of a recurrent net over a sequence.
private struct RecurrentNet {
  let cell: RecurrentCell
  let weights: [RecurrentWeights]
  let isBidirectional: Bool
  let batchFirst: Bool
  let hidden: Tensor?
  let cellState: Tensor?
  let lengths: Tensor?
  let site: CallSite

  private var directions: Int { isBidirectional ? 2 : 1 }

  /// Operands as a message names them.
  private func operands(_ x: Tensor) -> [(name: String, tensor: Tensor)] {
    var all = [(name: "input", tensor: x)]
    if let hidden { all.append(("hidden", hidden)) }
    if let cellState { all.append(("cell", cellState)) }
    if let lengths { all.append(("lengths", lengths)) }
    for (place, set) in weights.enumerated() {
      all += set.tensors.map { ("weights[\(place)]", $0) }
    }
    return all
  }

  private func check(_ x: Tensor) throws(Misuse) {
    guard x.rank == 3 else {
      throw Misuse(
        "the input needs 3 axes, \(batchFirst ? "[N, T, inputs]" : "[T, N, inputs]"), not \(x.rank)"
      )
    }
    guard x.dtype.isFloatingPoint else {
      throw Misuse("needs float32 or float64, not \(x.dtype); convert with converted(to:)")
    }
    guard !weights.isEmpty, weights.count % directions == 0 else {
      throw Misuse(
        isBidirectional
          ? "needs weights for two directions of each layer, not for \(weights.count) in all"
          : "needs the weights of at least one layer")
    }
    let first = weights[0].weightHidden.shape
    guard first.rank == 2 else {
      throw Misuse("the hidden weight needs 2 axes, [rows, H], not \(first.rank)")
    }
    let size = first[1]
    let rows = try checkedProduct(cell.blocks, size, "the number of rows of the weights")
    var width = x.shape[2]
    for (place, set) in weights.enumerated() {
      if place == directions {
        width = try checkedProduct(directions, size, "the width of a layer's results")
      }
      guard Array(set.weightInput.shape) == [rows, width],
        Array(set.weightHidden.shape) == [rows, size]
      else {
        throw Misuse(
          "weights[\(place)] need the shapes [\(rows), \(width)] and [\(rows), \(size)], not"
            + " \(set.weightInput.shape) and \(set.weightHidden.shape)")
      }
      for bias in [set.biasInput, set.biasHidden] {
        guard let bias, Array(bias.shape) != [rows] else { continue }
        throw Misuse("the biases of weights[\(place)] need the shape [\(rows)], not \(bias.shape)")
      }
      for tensor in set.tensors where tensor.dtype != x.dtype {
        throw Misuse("the input is \(x.dtype), but weights[\(place)] are \(tensor.dtype)")
      }
    }
    let samples = x.shape[batchFirst ? 0 : 1]
    for (name, state) in [("hidden", hidden), ("cell", cellState)] {
      guard let state else { continue }
      guard Array(state.shape) == [weights.count, samples, size], state.dtype == x.dtype else {
        throw Misuse(
          "the \(name) state needs the shape [\(weights.count), \(samples), \(size)] and the type"
            + " \(x.dtype), not \(state.spec)")
      }
    }
    if let lengths {
      guard lengths.dtype == .int64 || lengths.dtype == .int32, Array(lengths.shape) == [samples]
      else {
        throw Misuse("the lengths are \(samples) integers, int64 or int32, not \(lengths.spec)")
      }
    }
    let features = try checkedProduct(directions, size, "the size of the results")
    _ = try TensorShape(checked: [x.shape[0], x.shape[1], features])
    _ = try TensorShape(checked: [x.shape[0], x.shape[1], rows])
  }

  /// The lengths as numbers, each in 0 ... steps; `nil` where all are whole, or not known in a dry run.
  private func ends(_ steps: Int) -> [Int64]? {
    guard let lengths, !lengths.isPlaceholder else { return nil }
    let values = lengths.scalars(as: Int64.self)
    if let place = values.firstIndex(where: { $0 < 0 || $0 > steps }) {
      trap(
        "\(cell.function): length \(values[place]) (of sequence \(place)) is not in 0 ... \(steps)",
        file: site.file, line: site.line)
    }
    return values.allSatisfy { $0 == steps } ? nil : values
  }

  /// The results, and the last states, cell states for an lstm alone.
  func run(_ x: Tensor) -> (output: Tensor, hidden: Tensor, cell: Tensor) {
    let (file, line) = (site.file, site.line)
    let refused = refusal(
      of: cell.function, operands(x), file: file, line: line,
      rule: { () throws(Misuse) in try check(x) })
    if let refused { return (refused, refused, refused) }
    var sequence = batchFirst ? x.transposed(1, 0, 2, file: file, line: line) : x
    let ends = ends(sequence.shape[0])
    var (lastHidden, lastCell): ([Tensor], [Tensor]) = ([], [])
    for layer in 0..<weights.count / directions {
      var results: [Tensor] = []
      for direction in 0..<directions {
        let place = layer * directions + direction
        let course = RecurrentCourse(cell: cell, isReversed: direction == 1, lengths: ends)
        let last = layerResults(sequence, course, place)
        results.append(last[0])
        lastHidden.append(last[1])
        if cell == .lstm { lastCell.append(last[2]) }
      }
      sequence =
        results.count == 1 ? results[0] : concatenate(results, along: 2, file: file, line: line)
    }
    let y = batchFirst ? sequence.transposed(1, 0, 2, file: file, line: line) : sequence
    let states = stack(lastHidden, file: file, line: line)
    return (y, states, cell == .lstm ? stack(lastCell, file: file, line: line) : states)
  }

  /// One direction of one layer: the product with the input for all steps at once, then the steps.
  private func layerResults(_ x: Tensor, _ course: RecurrentCourse, _ place: Int) -> [Tensor] {
    let (file, line) = (site.file, site.line)
    let set = weights[place]
    var bias = set.biasInput
    // The reset gate of a gated unit multiplies the hidden product, its bias included; elsewhere the biases only add up.
    let hiddenBias = cell == .gru ? set.biasHidden : nil
    if cell != .gru, let other = set.biasHidden { bias = bias.map { $0 + other } ?? other }
    let projected = linear(x, set.weightInput, bias: bias, file: file, line: line)
    let size = set.weightHidden.shape[1]
    func start(_ states: Tensor?) -> Tensor {
      guard let states else { return .zeros([x.shape[1], size], dtype: x.dtype) }
      return states.sliced(place..<place + 1, along: 0, file: file, line: line)
        .squeezed(0, file: file, line: line)
    }
    var operands = [set.weightHidden, start(hidden)]
    if cell == .lstm { operands.append(start(cellState)) }
    if let hiddenBias { operands.append(hiddenBias) }
    let inputs = [projected] + operands
    let layer = RecurrentLayer(
      course: course, isKeeping: isRecording && inputs.contains { $0.isTracked })
    let results = apply(layer, to: Tensors(inputs), file: file, line: line)
    return (0..<(cell == .lstm ? 3 : 2)).map { results[$0] }
  }
}

/// A plain recurrent net over sequences.
///
/// h' = f(weightInput x + biasInput + weightHidden h + biasHidden), step by step. Each layer reads the results of the one
/// before, those of both directions side by side. A layer and direction is one matrix product for all inputs and one
/// op for all steps.
///
/// - Parameters:
///   - x: `[T, N, inputs]`, or `[N, T, inputs]` with `batchFirst`.
///   - weights: one set per layer; with `bidirectional` two, forward before reverse. The number of sets says how many
///     layers there are.
///   - nonlinearity: f. Default: tanh.
///   - bidirectional: a second net goes from the end of each sequence to its start. Default: false.
///   - hidden: the first states, `[sets, N, H]`, in the order of the weights. Default: zeros.
///   - lengths: how many steps each sequence has, N integers in `0 ... T`. Behind its end a sequence's results are 0, and
///     its state stays what it was. Default: T each.
///   - batchFirst: whether samples come before steps. Default: false.
/// - Returns: the results of the last layer, `[T, N, directions H]` (`[N, T, ...]` with `batchFirst`), and the last states
///   of all, `[sets, N, H]`.
/// - Precondition: shapes as above, one floating-point type, lengths in range.
///
/// Elman, "Finding structure in time", 1990; Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.
public func rnn(
  _ x: Tensor, weights: [RecurrentWeights], nonlinearity: RecurrentNonlinearity = .tanh,
  bidirectional: Bool = false, hidden: Tensor? = nil, lengths: Tensor? = nil,
  batchFirst: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, hidden: Tensor) {
  let results = RecurrentNet(
    cell: nonlinearity == .tanh ? .tanh : .relu, weights: weights, isBidirectional: bidirectional,
    batchFirst: batchFirst, hidden: hidden, cellState: nil, lengths: lengths,
    site: CallSite(file: file, line: line)
  ).run(x)
  return (results.output, results.hidden)
}

/// Gated recurrent units over sequences. Parameters, results and cost as in `rnn(_:weights:)`.
///
/// With the blocks of rows r, z, n: r and z are sigmoids of the sums of both products,
/// n = tanh(input product + r · hidden product), biases included, and h' = (1 - z) n + z h. The reset gate multiplies after
/// the matrix, as in PyTorch and cuDNN; the paper multiplies before.
///
/// - Precondition: as for `rnn`, with three blocks of rows.
///
/// Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
public func gru(
  _ x: Tensor, weights: [RecurrentWeights], bidirectional: Bool = false, hidden: Tensor? = nil,
  lengths: Tensor? = nil, batchFirst: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, hidden: Tensor) {
  let results = RecurrentNet(
    cell: .gru, weights: weights, isBidirectional: bidirectional, batchFirst: batchFirst,
    hidden: hidden, cellState: nil, lengths: lengths, site: CallSite(file: file, line: line)
  ).run(x)
  return (results.output, results.hidden)
}

/// A long short-term memory over sequences. Parameters, results and cost as in `rnn(_:weights:)`; one step is that of
/// `lstmCell`.
///
/// - Parameter cell: the first cell states, shaped like `hidden`. Default: zeros.
/// - Returns: the results of the last layer, the last hidden and the last cell states of all.
/// - Precondition: as for `rnn`, with four blocks of rows.
///
/// Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al., 2000.
public func lstm(
  _ x: Tensor, weights: [RecurrentWeights], bidirectional: Bool = false, hidden: Tensor? = nil,
  cell: Tensor? = nil, lengths: Tensor? = nil, batchFirst: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, hidden: Tensor, cell: Tensor) {
  RecurrentNet(
    cell: .lstm, weights: weights, isBidirectional: bidirectional, batchFirst: batchFirst,
    hidden: hidden, cellState: cell, lengths: lengths, site: CallSite(file: file, line: line)
  ).run(x)
}

import CTapestryKernels
import TapestryGraph

// All steps of one layer of a recurrent net in one direction, as one op.

extension RecurrentCourse {
  /// The course as the kernels want it.
  fileprivate func withRecurrence(
    _ projected: TensorShape, _ body: (UnsafePointer<tapestry_recurrence>) -> Void
  ) {
    var shape = tapestry_recurrence()
    shape.cell = cell.rawValue
    shape.reversed = isReversed
    shape.steps = Int64(projected[0])
    shape.samples = Int64(projected[1])
    shape.size = Int64(projected[2] / cell.blocks)
    guard let lengths else { return body(&shape) }
    lengths.withUnsafeBufferPointer {
      shape.lengths = $0.baseAddress
      body(&shape)
    }
  }

  /// How many of the first results are values; what follows is kept for the backward.
  fileprivate var resultCount: Int { cell == .lstm ? 3 : 2 }
  /// Operands but for the bias.
  fileprivate var operandCount: Int { cell == .lstm ? 4 : 3 }
  /// What the backward needs besides the results: gates, cells.
  fileprivate var keptCount: Int { cell == .lstm ? 2 : cell == .gru ? 1 : 0 }
}

/// The results `[T, N, H]` and the last states of all steps, and what the backward wants kept.
///
/// Inputs: the inputs' share of the gates `[T, N, blocks H]`, weightHidden, the first hidden state, for an lstm the first
/// cell state, for a gru perhaps the bias of the hidden product.
struct RecurrentLayer: TensorOperation {
  static var inputNames: [String] { ["projected", "weightHidden", "hidden"] }
  let course: RecurrentCourse
  /// Whether there will be a backward.
  let isKeeping: Bool
  var keeps: Kept { .inputs.and(.outputs(0, 2, 3, 4)) }
  var displayName: String { "\(course.cell.function)Layer" }
  var label: String { course.isReversed ? "reversed" : "" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (projected, hidden) = (inputs.spec(0), inputs.spec(2))
    let steps = [projected.shape[0], projected.shape[1]]
    let size = hidden.shape[1]
    // In range: lists are joined.
    let y = TensorSpec(try TensorShape(checked: steps + [size]), hidden.dtype)
    var specs = [y, hidden]
    if course.cell == .lstm { specs.append(hidden) }
    guard isKeeping else { return Specs(specs) }
    if course.keptCount > 0 {
      let gates = try checkedProduct(4, size, "the size of the gates")
      // In range: lists are joined.
      specs.append(TensorSpec(try TensorShape(checked: steps + [gates]), hidden.dtype))
    }
    if course.cell == .lstm { specs.append(y) }
    return Specs(specs)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let results = (0..<specs.count).map { Tensor(specs[$0]) { _ in } }
    let operands = (0..<inputs.count).map { inputs[$0] }
    let isLSTM = course.cell == .lstm
    let gates = isKeeping && course.keptCount > 0 ? results[course.resultCount] : nil
    let cells = isKeeping && isLSTM ? results[4] : nil
    let bias = operands.count > course.operandCount ? operands.last : nil
    let dtype = operands[0].dtype.code
    course.withRecurrence(operands[0].shape) { shape in
      addresses(operands[0], operands[1], operands[2], isLSTM ? operands[3] : nil, bias) { input in
        targets(results[0], results[1], isLSTM ? results[2] : nil, gates, cells) { output in
          tapestry_recurrent_forward(
            dtype, shape, input[0], input[1], input[4], input[2], input[3], output[0], output[1],
            output[2], output[3], output[4])
        }
      }
    }
    return Tensors(results)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let count = course.resultCount
    let operands = (0..<node.inputCount).map { node.input($0) }
    var kept = [node.output(0)]
    for place in 0..<course.keptCount { kept.append(node.output(count + place)) }
    let cotangents = (0..<count).map { node.cotangent($0) }
    let gradient = RecurrentLayerGradient(
      course: course, operandCount: operands.count, arrived: cotangents.map { $0 != nil })
    let results = apply(gradient, to: Tensors(operands + kept + cotangents.compactMap { $0 }))
    return Tensors(operands.indices.map { node.needs($0) ? results[$0] : nil })
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    guard course.cell == .relu else { return nil }
    var finder = KinkFinder()
    let operands = (1..<inputs.count).map { inputs[$0] }
    let each = inputs.spec(0).shape[1] * inputs.spec(0).shape[2]
    let projected = inputs[0]
    withoutGradients {
      _ = course.composed(projected, operands) { step, sums in
        for (place, value) in sums.scalars().enumerated() {
          finder.note(index: step * each + place, distance: abs(value), side: value > 0 ? 1 : 0)
        }
      }
    }
    return finder.result
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    productCost(
      inputs.spec(0).shape.elementCount * inputs.spec(2).shape[1], inputs, outputs)
  }
}

/// The gradients of a recurrent layer by its inputs, backward through time.
///
/// Inputs: those of the layer, its result, what it kept, and the cotangents that arrived.
struct RecurrentLayerGradient: TensorOperation {
  let course: RecurrentCourse
  let operandCount: Int
  /// Which of the layer's results have a cotangent.
  let arrived: [Bool]
  var displayName: String { "\(course.cell.function)LayerGradient" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs((0..<operandCount).map { inputs.spec($0) })
  }

  /// The cotangents among the inputs, by result.
  private func cotangents(_ inputs: [Tensor]) -> [Tensor?] {
    var given = inputs[(operandCount + 1 + course.keptCount)...]
    return arrived.map { $0 ? given.removeFirst() : nil }
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let all = (0..<inputs.count).map { inputs[$0] }
    let results = (0..<operandCount).map { Tensor(specs[$0]) { _ in } }
    let isLSTM = course.cell == .lstm
    let kept = all[operandCount...]
    let gates = course.keptCount > 0 ? kept[operandCount + 1] : nil
    let cells = isLSTM ? kept[operandCount + 2] : nil
    let g = cotangents(all)
    let hasBias = operandCount > course.operandCount
    let dtype = all[0].dtype.code
    course.withRecurrence(all[0].shape) { shape in
      addresses(
        all[1], all[2], isLSTM ? all[3] : nil, kept[operandCount], gates, cells, g[0], g[1],
        isLSTM ? g[2] : nil
      ) { input in
        targets(
          results[0], results[1], hasBias ? results.last : nil, results[2],
          isLSTM ? results[3] : nil
        ) { output in
          tapestry_recurrent_backward(
            dtype, shape, input[0], input[1], input[2], input[3], input[4], input[5], input[6],
            input[7], input[8], output[0], output[1], output[2], output[3], output[4])
        }
      }
    }
    return Tensors(results)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let all = (0..<node.inputCount).map { node.input($0) }
    let second = secondGradients(
      at: Array(all.prefix(operandCount)), cotangents: cotangents(all),
      directions: (0..<operandCount).map { node.cotangent($0) }
    ) { course.composed($0[0], Array($0.dropFirst())) }
    // What the layer kept is a function of its operands, and counts with these.
    let kept = [Tensor?](repeating: nil, count: 1 + course.keptCount)
    return Tensors(second.operands + kept + second.cotangents)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    productCost(
      2 * inputs.spec(0).shape.elementCount * inputs.spec(2).shape[1], inputs, outputs)
  }
}

/// Runs `body` with the addresses of the elements; none where there is no tensor.
func addresses(_ tensors: Tensor?..., body: ([UnsafeRawPointer?]) -> Void) {
  func next(_ place: Int, _ found: [UnsafeRawPointer?]) {
    guard place < tensors.count else { return body(found) }
    guard let tensor = tensors[place] else { return next(place + 1, found + [nil]) }
    tensor.withMemory { next(place + 1, found + [$0]) }
  }
  next(0, [])
}

/// As `addresses`, to write the elements of new tensors.
func targets(_ tensors: Tensor?..., body: ([UnsafeMutableRawPointer?]) -> Void) {
  func next(_ place: Int, _ found: [UnsafeMutableRawPointer?]) {
    guard place < tensors.count else { return body(found) }
    guard let tensor = tensors[place] else { return next(place + 1, found + [nil]) }
    tensor.overwrite { next(place + 1, found + [$0]) }
  }
  next(0, [])
}

import CTapestryKernels
import TapestryGraph

// Attention as one op that makes the scores block by block, and makes them again in the backward.

/// y = softmax(scale q kᵀ + bias) v, and the logarithm of each query's sum of e^score.
///
/// Inputs: query, key, value, then a mask and a bias if there are.
struct Attention: TensorOperation {
  static var name: String { "scaledDotProductAttention" }
  static var inputNames: [String] { ["query", "key", "value"] }
  let form: AttentionForm
  let hasMask: Bool
  let hasBias: Bool
  var keeps: Kept { .inputs.and(.outputs(0, 1)) }
  var label: String { form.isCausal ? "causal" : "" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let scores = try attentionScores(
      inputs.spec(0), inputs.spec(1), inputs.spec(2), mask: hasMask ? inputs.spec(3) : nil,
      bias: hasBias ? inputs.spec(hasMask ? 4 : 3) : nil)
    let (query, value) = (inputs.spec(0), inputs.spec(2).shape)
    let y = try TensorShape(checked: Array(query.shape.dropLast()) + [value[value.rank - 1]])
    return [
      TensorSpec(y, query.dtype),
      TensorSpec(TensorShape(Array(scores.dropLast())), query.dtype),
    ]
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let operands = AttentionOperands((0..<inputs.count).map { inputs[$0] }, self)
    let results = [Tensor(specs[0]) { _ in }, Tensor(specs[1]) { _ in }]
    operands.withShape { shape in
      addresses(operands.query, operands.key, operands.value) { input in
        targets(results[0], results[1]) { output in
          tapestry_attention_forward(
            operands.query.dtype.code, shape, input[0], input[1], input[2], output[0], output[1])
        }
      }
    }
    return Tensors(results)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    guard let g = node.cotangent(0) else {
      return Tensors([Tensor?](repeating: nil, count: node.inputCount))
    }
    let bias = hasMask ? 4 : 3
    let needsBias = hasBias && node.needs(bias)
    let inputs = (0..<node.inputCount).map { node.input($0) }
    let results = apply(
      AttentionGradient(attention: self, needsBias: needsBias),
      to: Tensors(inputs + [node.output(0), node.output(1), g]))
    var gradients: [Tensor?] = (0..<3).map { node.needs($0) ? results[$0] : nil }
    if hasMask { gradients.append(nil) }
    if hasBias {
      gradients.append(needsBias ? results[3].summed(to: node.inputSpec(bias).shape) : nil)
    }
    return Tensors(gradients)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let (key, value) = (inputs.spec(1).shape, inputs.spec(2).shape)
    let pairs = outputs[1].shape.elementCount * key[key.rank - 2]
    return productCost(pairs * (key[key.rank - 1] + value[value.rank - 1]), inputs, outputs)
  }
}

/// The gradients of attention by query, key, value, and by the biased scores if the bias has one.
///
/// Inputs: those of the attention, its two results, and the cotangent.
struct AttentionGradient: TensorOperation {
  let attention: Attention
  let needsBias: Bool

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let own = [inputs.spec(0), inputs.spec(1), inputs.spec(2)]
    guard needsBias else { return Specs(own) }
    // In range: lists are joined.
    return Specs(own + [TensorSpec(try scores(own), own[0].dtype)])
  }

  private func scores(_ specs: [TensorSpec]) throws(Misuse) -> TensorShape {
    let key = specs[1].shape
    return try TensorShape(checked: Array(specs[0].shape.dropLast()) + [key[key.rank - 2]])
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let all = (0..<inputs.count).map { inputs[$0] }
    let operands = AttentionOperands(Array(all.dropLast(3)), attention)
    let rest = Array(all.suffix(3))
    let results = (0..<specs.count).map { Tensor(specs[$0]) { _ in } }
    operands.withShape { shape in
      addresses(operands.query, operands.key, operands.value, rest[0], rest[1], rest[2]) { input in
        targets(results[0], results[1], results[2], needsBias ? results[3] : nil) { output in
          tapestry_attention_backward(
            operands.query.dtype.code, shape, input[0], input[1], input[2], input[3], input[4],
            input[5], output[0], output[1], output[2], output[3])
        }
      }
    }
    return Tensors(results)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let all = (0..<node.inputCount).map { node.input($0) }
    let operands = AttentionOperands(Array(all.dropLast(3)), attention)
    var points = [operands.query, operands.key, operands.value]
    // The gradient by the scores is that by a bias for each of them.
    if needsBias {
      let shape = node.outputSpec(3).shape
      points.append(operands.bias!.broadcast(to: shape))
    }
    let (mask, bias) = (operands.mask, operands.bias)
    let second = secondGradients(
      at: points, cotangents: [all.last], directions: points.indices.map { node.cotangent($0) }
    ) {
      [
        attention.form.composed(
          $0[0], $0[1], $0[2], mask: mask, bias: needsBias ? $0[3] : bias)
      ]
    }
    var gradients: [Tensor?] = Array(second.operands.prefix(3))
    if attention.hasMask { gradients.append(nil) }
    if let bias { gradients.append(needsBias ? second.operands[3].summed(to: bias.shape) : nil) }
    // The attention's results are functions of its operands, and count with these.
    return Tensors(gradients + [nil, nil] + second.cotangents)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let (query, key, value) = (outputs[0].shape, outputs[1].shape, outputs[2].shape)
    let pairs = query.dropLast().reduce(1, *) * key[key.rank - 2]
    return productCost(
      pairs * (3 * key[key.rank - 1] + 2 * value[value.rank - 1]), inputs, outputs)
  }
}

/// The operands by name, and their layout as the kernels want it.
private struct AttentionOperands {
  let query: Tensor
  let key: Tensor
  let value: Tensor
  let mask: Tensor?
  let bias: Tensor?
  let form: AttentionForm

  init(_ inputs: [Tensor], _ attention: Attention) {
    (query, key, value) = (inputs[0], inputs[1], inputs[2])
    mask = attention.hasMask ? inputs[3] : nil
    bias = attention.hasBias ? inputs.last : nil
    form = attention.form
  }

  func withShape(_ body: (UnsafePointer<tapestry_attention>) -> Void) {
    let (q, k, v) = (query.shape, key.shape, value.shape)
    let batch = q.batch
    var shape = tapestry_attention()
    shape.batch = Int64(batch.elementCount)
    shape.queries = Int64(q[q.rank - 2])
    shape.keys = Int64(k[k.rank - 2])
    shape.width = Int64(q[q.rank - 1])
    shape.value_width = Int64(v[v.rank - 1])
    shape.scale = form.scale
    shape.causal = form.isCausal
    let (masks, biases) = (layout(mask, batch), layout(bias, batch))
    (shape.mask_row, shape.mask_column) = (masks.row, masks.column)
    (shape.bias_row, shape.bias_column) = (biases.row, biases.column)
    addresses(mask, bias) { found in
      masks.offsets.withUnsafeBufferPointer { maskOffsets in
        biases.offsets.withUnsafeBufferPointer { biasOffsets in
          shape.mask = found[0]?.assumingMemoryBound(to: UInt8.self)
          shape.bias = found[1]
          shape.mask_offsets = maskOffsets.baseAddress
          shape.bias_offsets = biasOffsets.baseAddress
          body(&shape)
        }
      }
    }
  }

  /// Where the matrix of each batch index begins in what broadcasts to the scores, and its strides.
  private func layout(
    _ tensor: Tensor?, _ batch: TensorShape
  ) -> (offsets: [Int64], row: Int64, column: Int64) {
    guard let tensor else { return ([], 0, 0) }
    var shape = tensor.shape
    while shape.rank < 2 { shape = TensorShape([1] + Array(shape)) }
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    return (
      offsets(of: shape.batch, in: batch, matrix: rows * columns),
      rows == 1 ? 0 : Int64(columns), columns == 1 ? 0 : 1
    )
  }
}

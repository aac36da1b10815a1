import TapestryGraph

// Scaled dot-product attention: its rule, and its formula made of other ops, from which second derivatives come.

/// What of attention is not a tensor.
struct AttentionForm: Sendable {
  let scale: Double
  /// Query i sees the keys up to i only.
  let isCausal: Bool

  /// The weights softmax(scale q kᵀ + bias) where `mask` holds, 0 elsewhere; all 0 in a row without any key.
  func weights(_ query: Tensor, _ key: Tensor, mask: Tensor?, bias: Tensor?) -> Tensor {
    var scores = matmul(query, key, transposingB: true) * scale
    if let bias { scores = scores + bias }
    guard let mask = fullMask(mask, scores.shape) else { return softmax(scores, axis: -1) }
    // Far below any score and still finite, so that a row without keys is no NaN before it is set to 0.
    let lowest = Tensor(scores.dtype == .float64 ? -1e300 : -1e37, dtype: scores.dtype)
    let weights = softmax(select(where: mask, scores, else: lowest), axis: -1)
    return select(where: mask, weights, else: Tensor(0, dtype: weights.dtype))
  }

  /// softmax(scale q kᵀ + bias) v.
  func composed(_ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, bias: Tensor?)
    -> Tensor
  {
    matmul(weights(query, key, mask: mask, bias: bias), value)
  }

  /// The mask with that of causality; `nil` where every key takes part.
  private func fullMask(_ mask: Tensor?, _ scores: TensorShape) -> Tensor? {
    guard isCausal else { return mask }
    let (rows, columns) = (scores[scores.rank - 2], scores[scores.rank - 1])
    let i = Tensor.range(rows, dtype: .int64).expandedDimensions(at: 1)
    let causal = Tensor.range(columns, dtype: .int64) .<= i
    return mask.map { causal .& $0 } ?? causal
  }
}

/// The shape of the scores `[..., L, S]`, or why the operands do not fit.
func attentionScores(
  _ query: TensorSpec, _ key: TensorSpec, _ value: TensorSpec, mask: TensorSpec?, bias: TensorSpec?
) throws(Misuse) -> TensorShape {
  let (q, k, v) = (query.shape, key.shape, value.shape)
  guard q.rank >= 2, q.rank == k.rank, q.rank == v.rank, q.batch == k.batch, q.batch == v.batch
  else {
    throw Misuse(
      "query [..., L, E], key [..., S, E] and value [..., S, V] need the same leading axes, not \(q), \(k) and"
        + " \(v)")
  }
  guard q[q.rank - 1] == k[k.rank - 1] else {
    throw Misuse(
      "the query has \(counted(q[q.rank - 1], "feature")), but the key \(k[k.rank - 1])")
  }
  guard k[k.rank - 2] == v[v.rank - 2] else {
    throw Misuse(
      "there are \(counted(k[k.rank - 2], "key")), but \(counted(v[v.rank - 2], "value"))")
  }
  guard query.dtype.isFloatingPoint, key.dtype == query.dtype, value.dtype == query.dtype else {
    throw Misuse(
      "query, key and value need one floating-point type, not \(query.dtype), \(key.dtype) and"
        + " \(value.dtype)")
  }
  let scores = try TensorShape(checked: Array(q.dropLast()) + [k[k.rank - 2]])
  if let mask {
    guard mask.dtype == .bool else {
      throw Misuse("the mask is bool, not \(mask.dtype); make one with `.>` and the like")
    }
    try requireBroadcast(mask.shape, to: scores, "mask")
  }
  if let bias {
    guard bias.dtype == query.dtype else {
      throw Misuse("the bias is \(bias.dtype), but the query \(query.dtype)")
    }
    try requireBroadcast(bias.shape, to: scores, "bias")
  }
  return scores
}

private func requireBroadcast(
  _ shape: TensorShape, to scores: TensorShape, _ noun: String
) throws(Misuse) {
  guard TensorShape.broadcast(shape, scores) == scores else {
    throw Misuse("the \(noun) \(shape) does not broadcast to the scores \(scores)")
  }
}

/// Attention: softmax(scale q kᵀ + bias) v, the softmax over the keys.
///
/// - Parameters:
///   - query: `[..., L, E]`.
///   - key: `[..., S, E]`.
///   - value: `[..., S, V]`; the leading axes of all three are equal.
///   - mask: bool, broadcasts to `[..., L, S]`: **true takes part**. A query without any key gets zeros. Default: all.
///   - bias: broadcasts to `[..., L, S]`, added to the scores. Default: none.
///   - causal: query i sees keys 0 ... i only, also where L and S differ. Default: false.
///   - scale: the factor of the products. Default: 1 / √E.
/// - Returns: `[..., L, V]`.
/// - Precondition: shapes and types as above.
///
/// Vaswani et al., "Attention is all you need", 2017, section 3.2.1.
public func scaledDotProductAttention(
  _ query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, bias: Tensor? = nil,
  causal: Bool = false, scale: Double? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let width = query.rank > 0 ? query.shape[query.rank - 1] : 1
  let form = AttentionForm(
    scale: scale ?? 1 / Double(max(width, 1)).squareRoot(), isCausal: causal)
  let inputs = [query, key, value] + [mask, bias].compactMap { $0 }
  let attention = Attention(form: form, hasMask: mask != nil, hasBias: bias != nil)
  return apply(attention, to: Tensors(inputs), file: file, line: line)[0]
}

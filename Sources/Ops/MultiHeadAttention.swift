import TapestryGraph

/// The projections of multi-head attention.
public struct AttentionWeights: Sendable {
  /// `[E, widths of query, key, value]`.
  public var query: Tensor
  public var key: Tensor
  public var value: Tensor
  /// `[3 E]`: the biases of the three, one after the other; or none.
  public var inputBias: Tensor?
  /// `[E, E]`, applied to the heads side by side.
  public var output: Tensor
  /// `[E]`, or none.
  public var outputBias: Tensor?

  /// Weights of their own for query, key and value, which may differ in width.
  public init(
    query: Tensor, key: Tensor, value: Tensor, inputBias: Tensor? = nil, output: Tensor,
    outputBias: Tensor? = nil
  ) {
    self.query = query
    self.key = key
    self.value = value
    self.inputBias = inputBias
    self.output = output
    self.outputBias = outputBias
  }

  /// One weight `[3 E, E]`: the rows of query, key and value, as PyTorch's `in_proj_weight`.
  ///
  /// - Precondition: the rows are three times as many as the columns.
  public init(
    input: Tensor, inputBias: Tensor? = nil, output: Tensor, outputBias: Tensor? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let refused = refusal(
      of: "AttentionWeights", [("input", input)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard input.rank == 2, input.shape[0] % 3 == 0, input.shape[0] / 3 == input.shape[1] else {
          throw Misuse("the input weight needs the shape [3 E, E], not \(input.shape)")
        }
      })
    let parts =
      refused.map { [$0, $0, $0] }
      ?? input.split(
        [Int](repeating: input.shape[1], count: 3), along: 0, file: file, line: line)
    self.init(
      query: parts[0], key: parts[1], value: parts[2], inputBias: inputBias, output: output,
      outputBias: outputBias)
  }
}

/// One call of multi-head attention.
private struct MultiHead {
  let weights: AttentionWeights
  let heads: Int
  let keyPaddingMask: Tensor?
  let attentionMask: Tensor?
  let attentionBias: Tensor?
  let isCausal: Bool
  let batchFirst: Bool
  let site: CallSite

  private func operands(_ inputs: [Tensor]) -> [(name: String, tensor: Tensor)] {
    var all = Array(zip(["query", "key", "value"], inputs)).map { (name: $0.0, tensor: $0.1) }
    let optional = [
      ("query weight", weights.query), ("key weight", weights.key), ("value weight", weights.value),
      ("input bias", weights.inputBias), ("output weight", weights.output),
      ("output bias", weights.outputBias), ("keyPaddingMask", keyPaddingMask),
      ("attentionMask", attentionMask), ("attentionBias", attentionBias),
    ]
    for (name, tensor) in optional {
      if let tensor { all.append((name, tensor)) }
    }
    return all
  }

  private func check(_ inputs: [Tensor]) throws(Misuse) {
    for (name, tensor) in zip(["query", "key", "value"], inputs) {
      guard tensor.rank == 3 else {
        throw Misuse(
          "the \(name) needs 3 axes, \(batchFirst ? "[N, L, E]" : "[L, N, E]"), not \(tensor.rank)")
      }
    }
    let (batch, steps) = batchFirst ? (0, 1) : (1, 0)
    let (query, key, value) = (inputs[0].shape, inputs[1].shape, inputs[2].shape)
    guard key[batch] == query[batch], value[batch] == query[batch], key[steps] == value[steps]
    else {
      throw Misuse(
        "query, key and value need one batch, and key and value as many places, not \(query), \(key)"
          + " and \(value)")
    }
    let width = query[2]
    guard heads > 0, width % heads == 0 else {
      throw Misuse("a width of \(width) is not divisible by \(heads) heads")
    }
    for (name, weight, columns) in [
      ("query", weights.query, width), ("key", weights.key, key[2]),
      ("value", weights.value, value[2]),
      ("output", weights.output, width),
    ] where Array(weight.shape) != [width, columns] {
      throw Misuse("the \(name) weight needs the shape [\(width), \(columns)], not \(weight.shape)")
    }
    let rows = try checkedProduct(3, width, "three times the width")
    if let bias = weights.inputBias, Array(bias.shape) != [rows] {
      throw Misuse("the input bias needs the shape [\(rows)], not \(bias.shape)")
    }
    if let bias = weights.outputBias, Array(bias.shape) != [width] {
      throw Misuse("the output bias needs the shape [\(width)], not \(bias.shape)")
    }
    for (name, mask, shape) in [
      ("key padding mask", keyPaddingMask, [query[batch], key[steps]]),
      ("attention mask", attentionMask, [query[steps], key[steps]]),
    ] {
      guard let mask else { continue }
      guard mask.dtype == .bool, Array(mask.shape) == shape else {
        throw Misuse("the \(name) is bool and \(TensorShape(shape)), not \(mask.spec)")
      }
    }
    if let attentionBias, Array(attentionBias.shape) != [query[steps], key[steps]] {
      throw Misuse(
        "the attention bias needs the shape [\(query[steps]), \(key[steps])], not"
          + " \(attentionBias.shape)")
    }
    // In range: lists are joined.
    let floats =
      inputs + weights.all + [attentionBias].compactMap { $0 }
    let type = inputs[0].dtype
    guard type.isFloatingPoint, floats.allSatisfy({ $0.dtype == type }) else {
      throw Misuse("inputs, weights and bias need one floating-point type, \(type) throughout")
    }
    _ = try TensorShape(checked: [query[batch], heads, query[steps], key[steps]])
  }

  /// The results, and with `weighted` the weights `[N, heads, L, S]`.
  func run(_ inputs: [Tensor], weighted: Bool) -> (output: Tensor, weights: Tensor) {
    let (file, line) = (site.file, site.line)
    let refused = refusal(
      of: "multiHeadAttention", operands(inputs), file: file, line: line,
      rule: { () throws(Misuse) in try check(inputs) })
    if let refused { return (refused, refused) }
    let width = inputs[0].shape[2]
    let biases = weights.inputBias?.split(
      [Int](repeating: width, count: 3), along: 0, file: file, line: line)
    var parts: [Tensor] = []
    for (place, weight) in [weights.query, weights.key, weights.value].enumerated() {
      let projected = linear(inputs[place], weight, bias: biases?[place], file: file, line: line)
      parts.append(headed(projected))
    }
    let mask = mask
    var attention: Tensor?
    let joined: Tensor
    if weighted {
      let form = AttentionForm(scale: 1 / Double(width / heads).squareRoot(), isCausal: isCausal)
      attention = form.weights(parts[0], parts[1], mask: mask, bias: attentionBias)
      joined = matmul(attention!, parts[2], file: file, line: line)
    } else {
      joined = scaledDotProductAttention(
        parts[0], key: parts[1], value: parts[2], mask: mask, bias: attentionBias, causal: isCausal,
        file: file, line: line)
    }
    // [N, heads, L, E / heads] back to rows of E.
    let order = batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]
    let rows = joined.transposed(order, file: file, line: line)
      .reshaped(to: inputs[0].shape, file: file, line: line)
    let y = linear(rows, weights.output, bias: weights.outputBias, file: file, line: line)
    return (y, attention ?? y)
  }

  /// Rows of E as `[N, heads, L, E / heads]`.
  private func headed(_ x: Tensor) -> Tensor {
    let shape = TensorShape([x.shape[0], x.shape[1], heads, x.shape[2] / heads])
    return x.reshaped(to: shape, file: site.file, line: site.line)
      .transposed(batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3], file: site.file, line: site.line)
  }

  /// Who takes part, broadcast to `[N, heads, L, S]`; the masks given say who is left out.
  private var mask: Tensor? {
    let padding = keyPaddingMask.map { mask in
      (.!mask).reshaped(to: [mask.shape[0], 1, 1, mask.shape[1]])
    }
    guard let attentionMask else { return padding }
    return padding.map { $0 .& .!attentionMask } ?? .!attentionMask
  }
}

extension AttentionWeights {
  fileprivate var all: [Tensor] {
    [query, key, value, output] + [inputBias, outputBias].compactMap { $0 }
  }
}

/// Attention by several heads: each projects query, key and value to a part of the width, attends, and the results side
/// by side are projected once more.
///
/// Head h has the columns h E / heads ... of the projections; its scale is 1 / √(E / heads).
///
/// - Parameters:
///   - query: `[N, L, E]`, or `[L, N, E]` without `batchFirst`.
///   - key: `[N, S, width]`.
///   - value: `[N, S, width]`.
///   - weights: the projections.
///   - heads: divides E.
///   - keyPaddingMask: bool `[N, S]`, **true is left out**, the other way round than in `scaledDotProductAttention`.
///   - attentionMask: bool `[L, S]`, true is left out.
///   - attentionBias: `[L, S]`, added to the scores.
///   - causal: query i sees keys 0 ... i only. Default: false.
///   - batchFirst: whether samples come before places. Default: true.
/// - Returns: shaped like the query.
/// - Precondition: shapes and types as above.
///
/// Vaswani et al., "Attention is all you need", 2017, section 3.2.2.
public func multiHeadAttention(
  _ query: Tensor, key: Tensor, value: Tensor, weights: AttentionWeights, heads: Int,
  keyPaddingMask: Tensor? = nil, attentionMask: Tensor? = nil, attentionBias: Tensor? = nil,
  causal: Bool = false, batchFirst: Bool = true, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let call = MultiHead(
    weights: weights, heads: heads, keyPaddingMask: keyPaddingMask, attentionMask: attentionMask,
    attentionBias: attentionBias, isCausal: causal, batchFirst: batchFirst,
    site: CallSite(file: file, line: line))
  return call.run([query, key, value], weighted: false).output
}

/// As `multiHeadAttention`, and the weights that the heads gave to the keys. These take memory for every pair of query
/// and key.
///
/// - Parameter averaged: the mean of the heads' weights, not each head's. Default: true.
/// - Returns: the results, and weights `[N, L, S]`, not averaged `[N, heads, L, S]`.
/// - Precondition: as for `multiHeadAttention`.
public func multiHeadAttentionWithWeights(
  _ query: Tensor, key: Tensor, value: Tensor, weights: AttentionWeights, heads: Int,
  keyPaddingMask: Tensor? = nil, attentionMask: Tensor? = nil, attentionBias: Tensor? = nil,
  causal: Bool = false, averaged: Bool = true, batchFirst: Bool = true,
  file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, weights: Tensor) {
  let call = MultiHead(
    weights: weights, heads: heads, keyPaddingMask: keyPaddingMask, attentionMask: attentionMask,
    attentionBias: attentionBias, isCausal: causal, batchFirst: batchFirst,
    site: CallSite(file: file, line: line))
  let (y, attention) = call.run([query, key, value], weighted: true)
  guard averaged, attention.rank == 4 else { return (y, attention) }
  return (y, attention.mean(along: 1, file: file, line: line))
}

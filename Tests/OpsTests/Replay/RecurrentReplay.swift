import TapestryGraph
import TapestryOps
import TestSupport

let recurrentReplay: [String: ReferenceOperation] = [
  "rnn": { attributes, inputs in
    let results = rnn(
      inputs[0], weights: recurrentWeights(attributes, inputs),
      nonlinearity: attributes.string("nonlinearity") == "relu" ? .relu : .tanh,
      bidirectional: attributes.bool("bidirectional"), hidden: inputs["h0"],
      lengths: inputs["lengths"], batchFirst: attributes.bool("batchFirst"))
    return [results.output, results.hidden]
  },
  "gru": { attributes, inputs in
    let results = gru(
      inputs[0], weights: recurrentWeights(attributes, inputs),
      bidirectional: attributes.bool("bidirectional"), hidden: inputs["h0"],
      lengths: inputs["lengths"], batchFirst: attributes.bool("batchFirst"))
    return [results.output, results.hidden]
  },
  "lstm": { attributes, inputs in
    let results = lstm(
      inputs[0], weights: recurrentWeights(attributes, inputs),
      bidirectional: attributes.bool("bidirectional"), hidden: inputs["h0"], cell: inputs["c0"],
      lengths: inputs["lengths"], batchFirst: attributes.bool("batchFirst"))
    return [results.output, results.hidden, results.cell]
  },
  "gruCell": { _, inputs in
    [
      gruCell(
        inputs[0], hidden: inputs[1], weightInput: inputs[2], weightHidden: inputs[3],
        biasInput: inputs["biasInput"], biasHidden: inputs["biasHidden"])
    ]
  },
  "scaledDotProductAttention": { attributes, inputs in
    [
      scaledDotProductAttention(
        inputs[0], key: inputs[1], value: inputs[2], mask: inputs["mask"]?.converted(to: .bool),
        bias: inputs["bias"], causal: attributes.bool("causal"),
        scale: attributes.has("scale") ? attributes.double("scale") : nil)
    ]
  },
  "multiHeadAttention": { attributes, inputs in
    let (y, weights) = multiHeadAttentionWithWeights(
      inputs[0], key: inputs[1], value: inputs[2], weights: attentionWeights(inputs),
      heads: attributes.int("heads"),
      keyPaddingMask: inputs["keyPaddingMask"]?.converted(to: .bool),
      attentionMask: inputs["attentionMask"]?.converted(to: .bool),
      attentionBias: inputs["attentionBias"], averaged: attributes.bool("averageWeights"),
      batchFirst: attributes.bool("batchFirst"))
    return [y, weights]
  },
  "embeddingBag": { attributes, inputs in
    let reductions: [String: BagReduction] = ["sum": .sum, "mean": .mean, "max": .max]
    return [
      embeddingBag(
        inputs[0], inputs[1], offsets: inputs["offsets"], weights: inputs["weights"],
        reduction: reductions[attributes.string("mode")]!,
        includesLastOffset: attributes.bool("includeLastOffset"),
        paddingIndex: attributes.has("paddingIndex") ? attributes.int("paddingIndex") : nil)
    ]
  },
]

/// The parameters by PyTorch's names.
private func recurrentWeights(
  _ attributes: ReferenceAttributes, _ inputs: ReferenceInputs
) -> [RecurrentWeights] {
  let directions = attributes.bool("bidirectional") ? ["", "_reverse"] : [""]
  return (0..<attributes.int("layers")).flatMap { layer in
    directions.map { direction in
      let place = "l\(layer)\(direction)"
      return RecurrentWeights(
        input: inputs["weight_ih_\(place)"]!, hidden: inputs["weight_hh_\(place)"]!,
        biasInput: inputs["bias_ih_\(place)"], biasHidden: inputs["bias_hh_\(place)"])
    }
  }
}

private func attentionWeights(_ inputs: ReferenceInputs) -> AttentionWeights {
  guard let input = inputs["in_proj_weight"] else {
    return AttentionWeights(
      query: inputs["q_proj_weight"]!, key: inputs["k_proj_weight"]!,
      value: inputs["v_proj_weight"]!, inputBias: inputs["in_proj_bias"],
      output: inputs["out_proj.weight"]!, outputBias: inputs["out_proj.bias"])
  }
  return AttentionWeights(
    input: input, inputBias: inputs["in_proj_bias"], output: inputs["out_proj.weight"]!,
    outputBias: inputs["out_proj.bias"])
}

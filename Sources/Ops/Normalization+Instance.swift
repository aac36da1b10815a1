import TapestryGraph

/// Each channel of each sample normalised over its space, then scaled and shifted per channel.
///
/// y = (x - m) / sqrt(V + epsilon) · scale + shift with mean and **biased** variance over the space of one
/// channel of one sample: what remains of an image is its structure, not its contrast. Nothing differs between
/// training and inference.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - scale: a factor per channel, `[C]`. Default: 1.
///   - shift: a number per channel, `[C]`. Default: 0.
///   - epsilon: keeps the root away from 0. Default: 1e-5.
/// - Returns: shaped like `x`.
/// - Precondition: at least 3 axes; shapes as above.
///
/// Ulyanov, Vedaldi, Lempitsky, "Instance normalization", 2016.
public func instanceNorm(
  _ x: Tensor, scale: Tensor? = nil, shift: Tensor? = nil, epsilon: Double = 1e-5,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let vectors = namedOperands([("scale", scale), ("shift", shift)])
  if let refused = refusal(
    of: "instanceNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 3 else {
        throw Misuse(
          "the input needs at least 3 axes, [batch, channels, length, ...], not \(x.rank)")
      }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: [x.shape[1]], per: "channel")
    })
  {
    return refused
  }
  return apply(
    Normalize(family: .instance, epsilon: epsilon),
    to: affineOperands(x, scale, shift, [x.shape[1]]), file: file, line: line)[0]
}

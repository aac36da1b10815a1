import TapestryGraph

// Pixels from channels and back, and channels mixed among groups: one copy each.

/// Images of r times the size from r² times the channels: y[n, c, i, j] = x[n, c r² + (i mod r) r + j mod r, i / r, j / r].
///
/// Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network", 2016.
///
/// - Parameters:
///   - x: `[N, C r², H, W]`.
///   - factor: r, at least 1.
/// - Returns: `[N, C, H r, W r]`.
/// - Precondition: four axes; the channels divide by r².
public func pixelShuffle(
  _ x: Tensor, factor: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var result = TensorShape()
  let refused = refusal(of: "pixelShuffle", [("input", x)], file: file, line: line) {
    () throws(Misuse) in
    let area = try squaredFactor(x, factor)
    guard x.shape[1] % area == 0 else {
      throw Misuse("\(counted(x.shape[1], "channel")) do not divide by factor² = \(area)")
    }
    result = try TensorShape(checked: [
      x.shape[0], x.shape[1] / area, x.shape[2] * factor, x.shape[3] * factor,
    ])
  }
  if let refused { return refused }
  let parts = [result[0], result[1], factor, factor, x.shape[2], x.shape[3]]
  return x.reshaped(to: parts, file: file, line: line)
    .transposed([0, 1, 4, 2, 5, 3], file: file, line: line)
    .reshaped(to: result, file: file, line: line)
}

/// Images of 1 / r the size with r² times the channels: the inverse of
/// ``pixelShuffle(_:factor:file:line:)``.
///
/// - Parameters:
///   - x: `[N, C, H r, W r]`.
///   - factor: r, at least 1.
/// - Returns: `[N, C r², H, W]`.
/// - Precondition: four axes; height and width divide by r.
public func pixelUnshuffle(
  _ x: Tensor, factor: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var result = TensorShape()
  let refused = refusal(of: "pixelUnshuffle", [("input", x)], file: file, line: line) {
    () throws(Misuse) in
    let area = try squaredFactor(x, factor)
    guard x.shape[2] % factor == 0, x.shape[3] % factor == 0 else {
      throw Misuse("images of \(x.shape[2])x\(x.shape[3]) do not divide by the factor \(factor)")
    }
    result = try TensorShape(checked: [
      x.shape[0], x.shape[1] * area, x.shape[2] / factor, x.shape[3] / factor,
    ])
  }
  if let refused { return refused }
  let parts = [x.shape[0], x.shape[1], result[2], factor, result[3], factor]
  return x.reshaped(to: parts, file: file, line: line)
    .transposed([0, 1, 3, 5, 2, 4], file: file, line: line)
    .reshaped(to: result, file: file, line: line)
}

private func squaredFactor(_ x: Tensor, _ factor: Int) throws(Misuse) -> Int {
  guard x.rank == 4 else { throw Misuse("the input needs 4 axes, [N, C, H, W], not \(x.rank)") }
  guard factor >= 1, factor <= 1 << 15 else {
    throw Misuse("the factor \(factor) is not in 1 ... 32768")
  }
  // In range: at most 2^30.
  return factor * factor
}

/// Channels dealt out over groups: channel c of the result is channel (c mod g) C / g + c / g.
///
/// Zhang et al., "ShuffleNet", 2018.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - groups: g, at least 1.
/// - Returns: the shape of `x`.
/// - Precondition: two axes or more; the channels divide by the groups.
public func channelShuffle(
  _ x: Tensor, groups: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let refused = refusal(of: "channelShuffle", [("input", x)], file: file, line: line) {
    () throws(Misuse) in
    guard x.rank >= 2 else {
      throw Misuse(
        "channels lie on axis 1, but the input has \(counted(x.rank, "axis", "axes"))")
    }
    guard groups >= 1, x.shape[1] % groups == 0 else {
      throw Misuse(
        "\(counted(x.shape[1], "channel")) do not divide into \(counted(groups, "group"))")
    }
  }
  if let refused { return refused }
  let space = x.shape[2...].reduce(1, *)
  return x.reshaped(to: [x.shape[0], groups, x.shape[1] / groups, space], file: file, line: line)
    .transposed([0, 2, 1, 3], file: file, line: line)
    .reshaped(to: x.shape, file: file, line: line)
}

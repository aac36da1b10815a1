import TapestryFiles
import TapestryGraph
import TapestryOps

extension ONNXOperator {
  /// Sums and what is made of them, over some axes.
  static let reductions: [String: ONNXOperator] = [
    "ReduceSum": reduction(since: 13) { $0.sum(along: $1, keepingDimensions: $2) },
    "ReduceMean": reduction { $0.mean(along: $1, keepingDimensions: $2) },
    "ReduceMax": reduction(ofNone: -.infinity) { x, axes, keeps in
      guard x.dtype == .bool else { return x.max(along: axes, keepingDimensions: keeps) }
      return x.converted(to: .int32).max(along: axes, keepingDimensions: keeps).converted(to: .bool)
    },
    "ReduceMin": reduction(ofNone: .infinity) { x, axes, keeps in
      guard x.dtype == .bool else { return x.min(along: axes, keepingDimensions: keeps) }
      return x.converted(to: .int32).min(along: axes, keepingDimensions: keeps).converted(to: .bool)
    },
    "ReduceL1": reduction { abs($0).sum(along: $1, keepingDimensions: $2) },
    "ReduceL2": reduction { $0.norm(along: $1, keepingDimensions: $2) },
    "ReduceSumSquare": reduction { ($0 * $0).sum(along: $1, keepingDimensions: $2) },
    "ReduceLogSum": reduction { log($0.sum(along: $1, keepingDimensions: $2)) },
    "ReduceLogSumExp": reduction(ofNone: -.infinity) {
      $0.logSumExp(along: $1, keepingDimensions: $2)
    },
  ]

  /// A reduction whose axes are an operand since that version, and an attribute before.
  ///
  /// - Parameter empty: what it is of no elements, where the op has no answer; the nearest number of the type.
  private static func reduction(
    since: Int = 18, ofNone empty: Double? = nil,
    _ run: @escaping @Sendable (Tensor, [Int], Bool) -> Tensor
  ) -> ONNXOperator {
    .one(1...2) { call in
      let x = try call.input(0)
      let named = try call.integers("axes", of: 1, since: since) ?? []
      let axes = try call.axes(named, rank: x.rank)
      if axes.isEmpty, try call.flag("noop_with_empty_axes") {
        // Over no axis: every element by itself.
        guard x.rank < TensorShape.maximumRank else {
          throw ONNXUnsupported("a reduction of \(x.rank) axes over none")
        }
        return run(x.expandedDimensions(at: -1), [x.rank], false)
      }
      // A reduction of a scalar is one over an axis of one element.
      if x.rank == 0 { return run(x.reshaped(to: [1]), [0], false) }
      let keepsDimensions = try call.flag("keepdims", true)
      let reduced = axes.isEmpty ? Array(0..<x.rank) : axes
      if let empty, reduced.contains(where: { x.shape[$0] == 0 }) {
        let sizes = x.shape.indices.filter { keepsDimensions || !reduced.contains($0) }
          .map { reduced.contains($0) ? 1 : x.shape[$0] }
        let value = x.dtype == .bool && empty < 0 ? 0 : empty
        return call.filled(try call.shape(sizes), value, x.dtype)
      }
      return run(x, axes, keepsDimensions)
    }
  }

  /// Normalisation to mean and variance, or by the energy of neighbours.
  static let normalizations: [String: ONNXOperator] = [
    "BatchNormalization": ONNXOperator(5...5, batchNormalization),
    "InstanceNormalization": .one(3...3) { call in
      let x = try call.input(0)
      return groupNorm(
        x, groups: x.rank > 1 ? Swift.max(x.shape[1], 1) : 1, scale: try call.input(1),
        shift: try call.input(2), epsilon: try call.number("epsilon", 1e-5), file: call.file,
        line: call.line)
    },
    "GroupNormalization": .one(3...3) { call in
      let (x, groups) = (try call.input(0), try call.integer("num_groups"))
      guard x.rank > 1, groups > 0, x.shape[1] % groups == 0 else {
        throw Misuse("the channels of \(x.shape) cannot be split into \(groups) groups")
      }
      func perChannel(_ vector: Tensor) -> Tensor {
        // Until version 20 there was a number per group.
        guard call.version < 21, vector.count == groups else { return vector }
        let width = x.shape[1] / groups
        return vector.reshaped(to: [groups, 1]).broadcast(to: [groups, width])
          .reshaped(to: [x.shape[1]])
      }
      return groupNorm(
        x, groups: groups, scale: perChannel(try call.input(1)),
        shift: perChannel(try call.input(2)), epsilon: try call.number("epsilon", 1e-5),
        file: call.file, line: call.line)
    },
    "LayerNormalization": ONNXOperator(2...3) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", -1), rank: x.rank)
      let axes = Array(axis..<x.rank)
      let epsilon = try call.number("epsilon", 1e-5)
      let mean = x.mean(along: axes, keepingDimensions: true)
      let variance = x.variance(along: axes, unbiased: false, keepingDimensions: true)
      let factor = pow(variance + epsilon, -0.5)
      let isPlain =
        try call.outputCount == 1
        && [call.input(1), call.optional(2)].allSatisfy {
          $0.map { Array($0.shape) == Array(x.shape[axis...]) } ?? true
        }
      if isPlain {
        return [
          layerNorm(
            x, normalizedShape: TensorShape(x.shape[axis...]), scale: try call.input(1),
            shift: call.optional(2), epsilon: epsilon, file: call.file, line: call.line)
        ]
      }
      let scaled = (x - mean) * factor * (try call.input(1))
      return [call.optional(2).map { scaled + $0 } ?? scaled, mean, factor]
    },
    "RMSNormalization": .one(2...2) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", -1), rank: x.rank)
      let energy = square(x).mean(along: Array(axis..<x.rank), keepingDimensions: true)
      let epsilon = try call.number("epsilon", 1e-5)
      return try x * pow(energy + epsilon, -0.5) * call.input(1)
    },
    "MeanVarianceNormalization": .one(1...1) { call in
      let x = try call.input(0)
      let axes = try call.axes(call.integers("axes") ?? [0, 2, 3], rank: x.rank)
      let centred = x - x.mean(along: axes, keepingDimensions: true)
      let variance = square(centred).mean(along: axes, keepingDimensions: true)
      return centred / (sqrt(variance) + 1e-9)
    },
    "LpNormalization": .one(1...1) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", -1), rank: x.rank)
      let order = try call.integer("p", 2)
      guard order == 1 || order == 2 else {
        throw Misuse("attribute \"p\" is \(order), not 1 or 2")
      }
      let norm =
        order == 2
        ? x.norm(along: [axis], keepingDimensions: true)
        : abs(x).sum(along: [axis], keepingDimensions: true)
      // A row of zeros stays one.
      return x / select(where: norm .== 0, call.constant(1, like: norm), else: norm)
    },
    "LRN": .one(1...1) { call in
      let x = try call.input(0)
      let size = try call.integer("size")
      guard size > 0, size < 1 << 20 else { throw Misuse("attribute \"size\" is \(size)") }
      func normalized(_ x: Tensor) throws -> Tensor {
        localResponseNormalization(
          x, size: size, alpha: try call.number("alpha", 1e-4),
          beta: try call.number("beta", 0.75), k: try call.number("bias", 1), file: call.file,
          line: call.line)
      }
      // Of an even window the larger half comes after here, before there.
      guard size % 2 == 0, x.rank > 1 else { return try normalized(x) }
      return try normalized(x.flipped(along: [1])).flipped(along: [1])
    },
    "Dropout": ONNXOperator(1...3) { call in
      let x = try call.input(0)
      let ratio =
        try call.version < 12 ? call.number("ratio", 0.5) : call.number(of: 1) ?? 0.5
      let isForced = try call.version >= 12 && (call.number(of: 2) ?? 0) != 0
      guard ratio >= 0, ratio < 1 else { throw Misuse("the ratio is \(ratio), not in 0 ..< 1") }
      let isActive = ratio > 0 && (isForced || isTraining)
      guard call.wants(1) else {
        guard isActive else { return [x] }
        return [
          TapestryGraph.training {
            dropout(x, probability: ratio, file: call.file, line: call.line)
          }
        ]
      }
      guard !isActive else { throw ONNXUnsupported("the mask of a dropout in training") }
      return [x, (x .== x).converted(to: .int32).mask]
    },
  ]

  private static func batchNormalization(_ call: ONNXCall) throws -> [Tensor] {
    let x = try call.input(0)
    let vectors = try (1..<5).map { try call.input($0) }
    let epsilon = try call.number("epsilon", 1e-5)
    let momentum = try call.number("momentum", 0.9)
    guard try call.version >= 9 || call.flag("spatial", true) else {
      throw ONNXUnsupported("statistics for every pixel (spatial 0)")
    }
    let isForced = try call.version >= 14 && call.flag("training_mode")
    if !isForced, let mean = vectors[2] as? Buffer, let variance = vectors[3] as? Buffer {
      return [
        batchNorm(
          x, runningMean: mean, runningVariance: variance, scale: vectors[0], shift: vectors[1],
          momentum: 1 - momentum, epsilon: epsilon, file: call.file, line: call.line)
      ]
    }
    guard x.rank >= 2, vectors.allSatisfy({ $0.shape == [x.shape[1]] }) else {
      throw Misuse("scale, shift and statistics need one number for each channel of \(x.shape)")
    }
    let shape = [x.shape[1]] + [Int](repeating: 1, count: x.rank - 2)
    let axes = (0..<x.rank).filter { $0 != 1 }
    let mean = isForced ? x.mean(along: axes) : vectors[2]
    let variance = isForced ? x.variance(along: axes, unbiased: false) : vectors[3]
    let factor = (vectors[0] * pow(variance + epsilon, -0.5)).reshaped(to: shape)
    let y = (x - mean.reshaped(to: shape)) * factor + vectors[1].reshaped(to: shape)
    guard isForced else { return [y] }
    return [
      y, vectors[2] * momentum + mean * (1 - momentum),
      vectors[3] * momentum + variance * (1 - momentum),
    ]
  }
}

extension Tensor {
  /// A mask that is true throughout, shaped like this tensor.
  fileprivate var mask: Tensor { (self * 0 + 1).converted(to: .bool) }
}

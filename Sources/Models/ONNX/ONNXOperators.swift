import TapestryFiles
import TapestryGraph
import TapestryOps

/// An operator of ONNX's standard set.
struct ONNXOperator: Sendable {
  /// How many operands it may have.
  let inputs: ClosedRange<Int>
  /// Computes the results that somebody wants.
  let run: @Sendable (ONNXCall) throws -> [Tensor]

  init(_ inputs: ClosedRange<Int>, _ run: @escaping @Sendable (ONNXCall) throws -> [Tensor]) {
    self.inputs = inputs
    self.run = run
  }

  /// One with one result.
  static func one(
    _ inputs: ClosedRange<Int>, _ run: @escaping @Sendable (ONNXCall) throws -> Tensor
  ) -> ONNXOperator {
    ONNXOperator(inputs) { [try run($0)] }
  }

  /// A function of one tensor.
  static func unary(_ run: @escaping @Sendable (Tensor) -> Tensor) -> ONNXOperator {
    one(1...1) { run(try $0.input(0)) }
  }

  /// A function of two tensors.
  static func binary(_ run: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> ONNXOperator {
    one(2...2) { run(try $0.input(0), try $0.input(1)) }
  }

  /// A function of two tensors that in version 6 were aligned by attributes.
  static func broadcasting(_ run: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> ONNXOperator {
    one(2...2) { call in
      let (left, right) = try aligned(call)
      return run(left, right)
    }
  }

  /// Both operands, the second with axes of size 1 behind where version 6 was told that its first is another one.
  static func aligned(_ call: ONNXCall) throws -> (Tensor, Tensor) {
    let (left, right) = (try call.input(0), try call.input(1))
    guard call.version < 7, try call.flag("broadcast"), call.has("axis") else {
      return (left, right)
    }
    let axis = try call.axis(call.integer("axis"), rank: Swift.max(left.rank, 1))
    guard axis + right.rank <= left.rank else {
      throw Misuse("\(right.shape) has no place in \(left.shape) from axis \(axis) on")
    }
    let behind = [Int](repeating: 1, count: left.rank - right.rank - axis)
    return (left, right.reshaped(to: Array(right.shape) + behind))
  }

  /// A function of any number of tensors.
  static func several(_ run: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> ONNXOperator {
    one(1...Int.max) { call in
      let tensors = try call.inputs.indices.map { try call.input($0) }
      return tensors.dropFirst().reduce(tensors[0], run)
    }
  }

  /// All operators by name.
  static let all: [String: ONNXOperator] = {
    var all: [String: ONNXOperator] = [:]
    for family in [
      arithmetic, activations, logic, shapes, cuts, picks, reductions, normalizations, windows,
      products,
    ] {
      all.merge(family) { first, _ in first }
    }
    return all
  }()

  /// The versions of the operator set whose definitions are known.
  static let versions = 6...28
}

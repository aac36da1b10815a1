import TapestryGraph

// How ops are said in the terms of ONNX, operator set 17, for exports. Ops know no file format: these are
// names, places and numbers only.

/// An op that exports can say. One that does not conform cannot be exported.
package protocol ExchangeableOperation: TensorOperation {
  /// Adds the nodes that compute the op to `form`.
  ///
  /// What is said must hold for any size of the first axis where that is the batch: a size is repeated by
  /// reference to the operand, not as a number.
  ///
  /// - Returns: the results, as many as the op has; those that cannot be said are absent.
  /// - Throws: `Misuse` with the reason where these attributes have no form.
  func exchange(_ form: inout ExchangeForm) throws(Misuse) -> [ExchangeForm.Operand]
}

/// The nodes and constants that stand for one op.
package struct ExchangeForm {
  /// What a node reads.
  package enum Operand: Hashable, Sendable {
    /// An operand of the op.
    case input(Int)
    /// A result of one of these nodes.
    case result(node: Int, output: Int)
    /// One of these constants.
    case constant(Int)
    /// None.
    case absent
  }

  package enum Attribute: Equatable, Sendable {
    case integer(Int)
    case integers([Int])
    case float(Double)
    case text(String)
  }

  package struct Node: Equatable, Sendable {
    package let operation: String
    package let inputs: [Operand]
    package let outputCount: Int
    package let attributes: [(name: String, value: Attribute)]

    package static func == (a: Node, b: Node) -> Bool {
      a.operation == b.operation && a.inputs == b.inputs && a.outputCount == b.outputCount
        && a.attributes.elementsEqual(b.attributes, by: ==)
    }
  }

  package struct Constant: Equatable, Sendable {
    package let shape: [Int]
    package let values: [Double]
    package let dtype: DType
  }

  /// The op's operands and results, at the size that was traced.
  package let inputs: [TensorSpec]
  package let outputs: [TensorSpec]
  package private(set) var nodes: [Node] = []
  package private(set) var constants: [Constant] = []

  package init(inputs: [TensorSpec], outputs: [TensorSpec]) {
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The first operand.
  var x: Operand { .input(0) }
  /// The shape of the first operand.
  var shape: TensorShape { inputs[0].shape }
  /// The element type of the first operand.
  var dtype: DType { inputs[0].dtype }

  /// Adds a node; its first result.
  mutating func node(
    _ operation: String, _ inputs: [Operand], outputs: Int = 1,
    _ attributes: [(name: String, value: Attribute)] = []
  ) -> Operand {
    nodes.append(
      Node(operation: operation, inputs: inputs, outputCount: outputs, attributes: attributes))
    return .result(node: nodes.count - 1, output: 0)
  }

  /// Adds a number of the first operand's type.
  mutating func number(_ value: Double) -> Operand {
    constant([], [value], dtype)
  }

  /// Adds a vector of whole numbers: axes and sizes.
  mutating func integers(_ values: [Int]) -> Operand {
    constant([values.count], values.map(Double.init), .int64)
  }

  mutating func constant(_ shape: [Int], _ values: [Double], _ dtype: DType) -> Operand {
    let constant = Constant(shape: shape, values: values, dtype: dtype)
    if let known = constants.firstIndex(of: constant) { return .constant(known) }
    constants.append(constant)
    return .constant(constants.count - 1)
  }

  /// The operand in another shape of as many elements. Leading sizes that stay are taken from the operand.
  mutating func reshaped(_ operand: Operand, from old: TensorShape, to new: TensorShape) -> Operand
  {
    if old == new { return operand }
    var sizes = Array(new)
    for axis in 0..<min(old.rank, new.rank) {
      guard old[axis] == new[axis] else { break }
      sizes[axis] = 0
    }
    return node("Reshape", [operand, integers(sizes)])
  }
}

extension ExchangeForm.Operand {
  /// Another result of the same node.
  func output(_ index: Int) -> ExchangeForm.Operand {
    if case .result(let node, _) = self { return .result(node: node, output: index) }
    return self
  }
}

extension ExchangeForm.Attribute {
  static func flag(_ value: Bool) -> Self { .integer(value ? 1 : 0) }
}

import TapestryGraph

/// The weights of one layer of a recurrent net, in one direction.
///
/// The rows are blocks of H, one for each gate: one block for ``rnn(_:weights:nonlinearity:bidirectional:hidden:lengths:batchFirst:file:line:)``, r, z, n for a
/// gated recurrent unit, i, f, g, o for a long short-term memory; as in PyTorch.
public struct RecurrentWeights: Sendable {
  /// `[blocks H, inputs]`.
  public var weightInput: Tensor
  /// `[blocks H, H]`.
  public var weightHidden: Tensor
  /// `[blocks H]`, or none.
  public var biasInput: Tensor?
  /// `[blocks H]`, or none.
  public var biasHidden: Tensor?

  public init(
    input weightInput: Tensor, hidden weightHidden: Tensor, biasInput: Tensor? = nil,
    biasHidden: Tensor? = nil
  ) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.biasInput = biasInput
    self.biasHidden = biasHidden
  }

  /// All that is there.
  var tensors: [Tensor] { [weightInput, weightHidden, biasInput, biasHidden].compactMap { $0 } }
}

/// How the cell of a plain recurrent net bends its sums.
public enum RecurrentNonlinearity: Sendable {
  /// tanh a.
  case tanh
  /// max(a, 0).
  case relu
}

/// What one step of a recurrent net computes.
enum RecurrentCell: Int32, Sendable {
  case tanh, relu, gru, lstm

  /// Blocks of rows in the weights.
  var blocks: Int {
    switch self {
    case .tanh, .relu: 1
    case .gru: 3
    case .lstm: 4
    }
  }

  /// The public function.
  var function: String {
    switch self {
    case .tanh, .relu: "rnn"
    case .gru: "gru"
    case .lstm: "lstm"
    }
  }
}

import TapestryGraph
import TapestryModels

/// A picture of a graph: boxes for ops or blocks, edges for the values that flow between them.
///
/// ```swift
/// let trace = try LeNet5().trace(for: [1, 1, 32, 32])
/// try GraphDrawing(of: trace).svg().write(to: "lenet5.svg")
/// ```
///
/// Made from a net, `init(of:title:detail:times:)`, or from what was recorded for a tensor,
/// `init(of:title:)`. The layout follows Sugiyama, Tagawa and Toda, "Methods for visual understanding of
/// hierarchical system structures", 1981.
public struct GraphDrawing: Sendable {
  /// What an op belongs to, by which boxes are coloured.
  public enum Family: String, Sendable, CaseIterable {
    case convolution, linear, pooling, activation, normalization, joining, shape, loss, input,
      parameter
    case block, other
  }

  /// One op, several joined in a row, or a whole block.
  public struct Box: Sendable {
    /// The dotted name of the layer or block; empty outside any.
    public var path: String
    /// A line per op: `conv2d  5x5, stride 2`.
    public var lines: [String]
    public var family: Family
    /// Of the value that leaves the box.
    public var shape: String
    /// Trained values inside.
    public var parameterCount = 0
    /// Multiply-accumulates of one run.
    public var multiplyAccumulates = 0
    /// Bytes read and written by one run.
    public var bytes = 0
    /// The time of one run, where it was measured.
    public var nanoseconds: Int?
    /// What a pointer over the box shows: operands, parameters, call sites.
    public var details: [String]
    /// The names of the blocks that the box lies in, outermost first.
    public var blocks: [String]
    /// For a block drawn as a box: how many ops are inside.
    public var opCount = 1
    /// How many equal blocks in a row this one stands for.
    public var repeats = 1
  }

  /// A value that flows from one box to another.
  public struct Edge: Sendable, Hashable {
    /// Indices of boxes.
    public var from: Int
    public var to: Int

    public init(from: Int, to: Int) {
      self.from = from
      self.to = to
    }
  }

  /// What the drawing is called.
  public var title: String
  /// In the order of computation: an edge goes from an earlier box to a later one.
  public internal(set) var boxes: [Box]
  public internal(set) var edges: [Edge]
  /// For a frame around a block that stands for several: how many, by the block's name.
  public internal(set) var blockRepeats: [String: Int] = [:]
  /// Trained values of the whole net, blocks that are drawn once for several included.
  public internal(set) var parameterCount = 0
  /// Multiply-accumulates of one run of the whole net.
  public internal(set) var multiplyAccumulates = 0

  init(title: String, boxes: [Box], edges: [Edge]) {
    self.title = title
    self.boxes = boxes
    self.edges = edges
  }

  /// The boxes that lead into one.
  func sources(of box: Int) -> [Int] { edges.filter { $0.to == box }.map(\.from) }
}

extension GraphDrawing.Family {
  /// The family of an op, by its name.
  init(operation name: String) {
    let lower = name.lowercased()
    func has(_ words: String...) -> Bool { words.contains { lower.contains($0) } }
    self =
      if has("conv") && !has("convert") {
        .convolution
      } else if has("linear", "matmul", "embedding"), !has("linearpool") {
        .linear
      } else if has("entropy", "loss", "hinge", "squarederror", "likelihood") {
        .loss
      } else if has("pool") {
        .pooling
      } else if has("norm", "standardize", "localresponse") {
        .normalization
      } else if has(
        "relu", "tanh", "sigmoid", "softmax", "elu", "softplus", "silu", "swish", "mish")
      {
        .activation
      } else if has("concatenate", "stack")
        || ["add", "subtract", "multiply", "divide"].contains(lower)
      {
        .joining
      } else if has(
        "reshape", "flatten", "transpose", "broadcast", "slice", "squeeze", "expand", "dropout",
        "pad", "split", "flip", "identity")
      {
        .shape
      } else {
        .other
      }
  }
}

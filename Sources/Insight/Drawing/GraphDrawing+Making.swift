import TapestryGraph
import TapestryModels

extension GraphDrawing {
  /// How much of a graph is drawn.
  public struct Detail: Sendable, Equatable {
    /// Blocks that lie deeper than this are drawn as one box; `nil` draws everything.
    public var depth: Int?
    /// Whether normalisations and activations are drawn in the box of the op before them.
    public var isJoining: Bool
    /// Whether equal blocks in a row are drawn once, with their number.
    public var isFolding: Bool
    /// Blocks that are drawn with all that is inside, however deep they lie: `layer2`, `layer2.0`, `features.*`. What they
    /// lie in is opened, too.
    public var opened: [NamePattern]

    public init(
      depth: Int? = nil, isJoining: Bool = true, isFolding: Bool = true, opened: [NamePattern] = []
    ) {
      self.depth = depth
      self.isJoining = isJoining
      self.isFolding = isFolding
      self.opened = opened
    }

    /// A box for every op.
    public static let everything = Detail(isJoining: false, isFolding: false)
  }

  /// The drawing of a net, by the ops of one run.
  ///
  /// - Parameters:
  ///   - trace: see `Model.trace(for:)`.
  ///   - title: what stands above it.
  ///   - detail: what is drawn as one box. Default: normalisations and activations with the op before them,
  ///     equal blocks in a row once.
  ///   - times: nanoseconds of every step of the trace, where they were measured; see `Model.stepTimes(of:)`.
  /// - Precondition: `times` has as many entries as the trace has steps.
  public init(
    of trace: ModelTrace, title: String = "", detail: Detail = Detail(), times: [Int]? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    if let times, times.count != trace.steps.count {
      trap(
        "GraphDrawing: \(times.count) times for \(trace.steps.count) steps", file: file, line: line)
    }
    self.init(OpGraph(trace, title: title, times: times), detail)
  }

  /// The drawing of what was recorded for a tensor: every op and every parameter on its tape.
  ///
  /// - Precondition: the tensor is tracked; its graph has not been released by a backward pass.
  public init(
    of tensor: Tensor, title: String = "", detail: Detail = .everything,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.init(
      OpGraph(RecordedGraph(of: tensor, file: file, line: line), title: title), detail)
  }

  /// The drawing of a net with as much detail as is readable: blocks are drawn as boxes from the depth on at which
  /// there would be more than `limit` boxes.
  public static func readable(
    _ trace: ModelTrace, title: String = "", limit: Int = 120, times: [Int]? = nil
  ) -> GraphDrawing {
    let detail = Detail(depth: readableDepth(trace, limit: limit))
    return GraphDrawing(of: trace, title: title, detail: detail, times: times)
  }

  /// The depth at which blocks must be drawn as boxes for no more than `limit` of them; `nil` where all can be drawn.
  public static func readableDepth(_ trace: ModelTrace, limit: Int = 120) -> Int? {
    let full = GraphDrawing(of: trace)
    if full.boxes.count <= limit { return nil }
    let deepest = full.boxes.map(\.blocks.count).max() ?? 0
    return stride(from: deepest, to: 1, by: -1).first {
      GraphDrawing(of: trace, detail: Detail(depth: $0)).boxes.count <= limit
    } ?? 1
  }

  /// The dotted names of a net's blocks, outer ones before what they hold, each once.
  public static func blockNames(of trace: ModelTrace) -> [String] {
    OpGraph(trace, title: "", times: nil).blockNames
  }

  init(_ graph: OpGraph, _ detail: Detail) {
    let parameterCount = graph.ops.reduce(0) { $0 + $1.parameterCount }
    let multiplyAccumulates = graph.ops.reduce(0) { $0 + $1.multiplyAccumulates }
    var graph = graph
    let open = graph.openBlocks(detail.opened)
    let repeats = detail.isFolding ? graph.foldRepeats(upTo: detail.depth, keeping: open) : [:]
    var boxOf = [Int](repeating: -1, count: graph.ops.count)
    var boxes: [Box] = []
    let readers = graph.readers
    for (index, op) in graph.ops.enumerated() {
      if let block = op.closedBlock(depth: detail.depth, open: open) {
        if index > 0, boxOf[index - 1] == boxes.count - 1, let last = boxes.last,
          last.family == .block, last.path == block.joined(separator: ".")
        {
          boxes[boxes.count - 1].add(op)
        } else {
          boxes.append(Box(block: block, first: op, repeats))
        }
      } else if detail.isJoining, let before = op.inputs.first, op.inputs.count == 1,
        readers[before].count == 1, graph.joins(index, before),
        boxes[boxOf[before]].family != .block
      {
        boxOf[index] = boxOf[before]
        boxes[boxOf[index]].join(op)
        continue
      } else {
        boxes.append(Box(op))
      }
      boxOf[index] = boxes.count - 1
    }
    var seen: Set<Edge> = []
    var edges: [Edge] = []
    for (index, op) in graph.ops.enumerated() {
      for input in op.inputs {
        let edge = Edge(from: boxOf[input], to: boxOf[index])
        if edge.from < edge.to, seen.insert(edge).inserted { edges.append(edge) }
      }
    }
    self.init(title: graph.title, boxes: boxes, edges: edges)
    blockRepeats = repeats
    self.parameterCount = parameterCount
    self.multiplyAccumulates = multiplyAccumulates
    for index in self.boxes.indices where self.boxes[index].family == .block {
      if self.boxes[index].opCount > 1 || self.boxes[index].repeats > 1 {
        let count = self.boxes[index].opCount
        self.boxes[index].lines = ["\(count) op\(count == 1 ? "" : "s")"]
      }
    }
    dissolveSmallBlocks()
  }

  /// Frames around single boxes are left out: they add no information.
  private mutating func dissolveSmallBlocks() {
    var counts: [String: Int] = [:]
    func name(_ blocks: some Sequence<String>) -> String { blocks.joined(separator: ".") }
    for box in boxes {
      for length in 0..<box.blocks.count {
        counts[name(box.blocks[...length]), default: 0] += 1
      }
    }
    for index in boxes.indices {
      while let last = boxes[index].blocks.last, !last.isEmpty,
        counts[name(boxes[index].blocks)] == 1,
        blockRepeats[name(boxes[index].blocks)] == nil || boxes[index].family == .block
      {
        boxes[index].blocks.removeLast()
      }
    }
  }
}

extension OpGraph.Op {
  /// The outermost block at this depth or deeper that is not opened; `nil` for an op that is drawn by itself.
  fileprivate func closedBlock(depth: Int?, open: Set<[String]>) -> [String]? {
    guard let depth, blocks.count >= depth else { return nil }
    return (depth...blocks.count).lazy.map { Array(blocks[..<$0]) }.first { !open.contains($0) }
  }
}

extension OpGraph {
  /// The names of all blocks, in order.
  var blockNames: [String] {
    var names: [String] = []
    var seen: Set<String> = []
    for op in ops {
      for length in op.blocks.indices.map({ $0 + 1 }) {
        let name = op.blocks[..<length].joined(separator: ".")
        if seen.insert(name).inserted { names.append(name) }
      }
    }
    return names
  }

  /// The blocks that the patterns stand for, those below them, and those they lie in.
  func openBlocks(_ patterns: [NamePattern]) -> Set<[String]> {
    guard !patterns.isEmpty else { return [] }
    var open: Set<[String]> = []
    for name in blockNames where patterns.contains(where: { $0.matches(name) }) {
      let path = name.split(separator: ".").map(String.init)
      for length in 1...path.count { open.insert(Array(path[..<length])) }
    }
    return open
  }

  /// Whether an op is drawn in the box of the one before it.
  fileprivate func joins(_ index: Int, _ before: Int) -> Bool {
    guard ops[index].shape == ops[before].shape else { return false }
    let isNear =
      ops[index].blocks == ops[before].blocks || ops[index].path == ops[before].path
    guard isNear else { return false }
    switch (ops[before].family, ops[index].family) {
    case (.convolution, .normalization), (.linear, .normalization): return true
    case (.convolution, .activation), (.linear, .activation), (.normalization, .activation),
      (.joining, .activation):
      return true
    default: return false
    }
  }
}

extension GraphDrawing.Box {
  fileprivate init(_ op: OpGraph.Op) {
    self.init(
      path: op.path.joined(separator: "."), lines: [op.line], family: op.family, shape: op.shape,
      details: op.details, blocks: op.blocks)
    parameterCount = op.parameterCount
    multiplyAccumulates = op.multiplyAccumulates
    bytes = op.bytes
    nanoseconds = op.nanoseconds
  }

  fileprivate init(block: [String], first op: OpGraph.Op, _ repeats: [String: Int]) {
    self.init(op)
    path = block.joined(separator: ".")
    family = .block
    blocks = block.dropLast()
    self.repeats = repeats[path] ?? 1
  }

  fileprivate mutating func join(_ op: OpGraph.Op) {
    lines.append(op.line)
    include(op)
  }

  /// Adds an op to a block drawn as a box.
  fileprivate mutating func add(_ op: OpGraph.Op) {
    opCount += 1
    include(op)
  }

  private mutating func include(_ op: OpGraph.Op) {
    shape = op.shape
    parameterCount += op.parameterCount
    multiplyAccumulates += op.multiplyAccumulates
    bytes += op.bytes
    if let more = op.nanoseconds { nanoseconds = (nanoseconds ?? 0) + more }
    details += op.details
  }
}

import TapestryFiles
import TapestryGraph

/// A net read from an ONNX file: a ``Model`` whose layers are the file's nodes.
///
/// ```swift
/// let net = try ONNXModel(contentsOf: "squeezenet.onnx")
/// let logits = try net.outputs(for: [net.inputs[0].name: images])[net.outputs[0]]!
/// ```
///
/// Weights of convolutions, matrix products and normalisations are parameters under the names of their
/// initialisers, running statistics are buffers; so the net can be trained on, saved and summarised like any other.
/// Half precision is computed in float32.
public struct ONNXModel: Model {
  /// What goes into the graph.
  public struct Input: Sendable, Equatable {
    /// The name of the value.
    public let name: String
    /// The element type.
    public let dtype: DType
    /// The sizes of the axes, nil for those that may have any; nil as a whole when any shape will do.
    public let shape: [Int?]?
  }

  /// The file's name, for messages.
  public let source: String
  /// What has to be given, in the file's order; initialisers are not among them.
  public let inputs: [Input]
  /// The names of the results, in the file's order.
  public let outputs: [String]
  /// The version of the standard operators that the file was written for.
  public let operatorSet: Int
  /// The texts stored with the net.
  public let metadata: [String: String]

  let program: ONNXProgram
  private let approvals = ONNXApprovals()

  /// Reads the file at `path`.
  ///
  /// The weights are copied; the file is not needed any more afterwards.
  /// - Throws: `FileError` for a file that cannot be read or is not ONNX; ``ONNXError`` with everything that is wrong
  ///   with the graph (cycles, missing values, names used twice), or every node whose operator is not supported.
  public init(
    contentsOf path: String, file: StaticString = #fileID, line: UInt = #line
  ) throws {
    try self.init(
      ONNXFile(path: path), source: path, site: CallSite(file: file, line: line))
  }

  /// Reads a file's content from memory; `source` is what messages call it.
  ///
  /// - Throws: `ProtocolBufferError` or ``ONNXError``, as for a file.
  public init(
    bytes: [UInt8], source: String = "the model", file: StaticString = #fileID,
    line: UInt = #line
  ) throws {
    try self.init(
      ONNXFile(bytes: bytes), source: source, site: CallSite(file: file, line: line))
  }

  private init(_ file: ONNXFile, source: String, site: CallSite) throws(ONNXError) {
    program = try ONNXProgram(file, source: source, site: site)
    self.source = source
    inputs = program.inputs.map { _, info in
      let shape = info.shape?.map { dimension -> Int? in
        if case .size(let size) = dimension { size } else { nil }
      }
      return Input(name: info.name, dtype: info.type?.dtype ?? .float32, shape: shape)
    }
    outputs = program.outputs.map(\.name)
    operatorSet = program.version
    metadata = Dictionary(file.model.metadata.map { ($0.key, $0.value) }) { first, _ in first }
  }

  /// The first result for a batch given to the only input, computed in the scope's mode: recorded, and in training
  /// unless under `inference(_:)`, as any model.
  ///
  /// - Precondition: the net has one input, which takes this shape. See ``outputs(for:)`` to have that thrown.
  public func callAsFunction(_ input: Tensor) -> Tensor {
    var results: [Tensor] = []
    let operands = [(name: "input", tensor: input)]
    func refused(_ node: String, _ reason: Misuse, _ tensors: [Tensor]) -> Tensor {
      let named = tensors.enumerated().map { (name: "input \($0)", tensor: $1) }
      return refusal(
        of: node, named, file: program.site.file, line: program.site.line,
        rule: { () throws(Misuse) in throw reason })!
    }
    guard inputs.count == 1 else {
      let names = inputs.map { quoted($0.name) }.joined(separator: ", ")
      return refused(
        "ONNXModel", Misuse("has the inputs \(names): use outputs(for:)"), operands.map(\.tensor))
    }
    if !isDryRun {
      let refusal = approvals.refusal(of: [input.spec]) {
        // Whatever else is wrong is told by the call itself.
        do { _ = try program.estimate([input], source: source) } catch {
          return (error as? ONNXProgram.Fault)?.resources
        }
        return nil
      }
      if let refusal { return refused("ONNXModel", Misuse("\(refusal)"), [input]) }
    }
    do {
      results = try program.run([input])
    } catch let fault as ONNXProgram.Fault {
      return refused(
        "\(fault.node.operation) \(quoted(fault.step.name ?? ""))", Misuse(fault.reason),
        fault.operands)
    } catch {
      return refused("ONNXModel", Misuse("\(error)"), [])
    }
    return results[0]
  }

  /// The results by name for values of all inputs, under `inference(_:)`; nothing that the file says ends the
  /// process.
  ///
  /// Shapes, memory and arithmetic are checked in a dry run before anything is computed.
  /// - Throws: ``ONNXError`` for inputs that are missing, unknown or of another type or shape than declared, for a
  ///   node that cannot take what it is given, with its name, and for a net that takes more than `ResourceLimits`
  ///   allow.
  public func outputs(for values: [String: Tensor]) throws(ONNXError) -> [String: Tensor] {
    let feeds = try checked(values)
    return try explained {
      _ = try inference { try program.estimate(feeds, source: source) }
      let results = try inference { try program.run(feeds) }
      return Dictionary(zip(outputs, results.map { $0.detached() })) { first, _ in first }
    }
  }

  /// What ``outputs(for:)`` takes for these values of the inputs; nothing is computed.
  ///
  /// - Throws: as ``outputs(for:)``.
  public func estimate(for values: [String: Tensor]) throws(ONNXError) -> ONNXEstimate {
    let feeds = try checked(values)
    return try explained { try inference { try program.estimate(feeds, source: source) } }
  }

  /// What `body` gives, its errors with the node's name.
  private func explained<Result>(_ body: () throws -> Result) throws(ONNXError) -> Result {
    do {
      return try body()
    } catch let fault as ONNXProgram.Fault {
      throw ONNXError(
        source: source,
        problems: [
          "node \(quoted(fault.step.name ?? "")) (\(fault.node.operation)): \(fault.reason)"
        ],
        isUnsupported: fault.isUnsupported, resources: fault.resources)
    } catch let misuse as Misuse {
      let node = misuse.site?.layer?.name.map { "node \(quoted($0)): " } ?? ""
      throw ONNXError(source: source, problems: [node + misuse.description])
    } catch {
      throw ONNXError(source: source, problems: ["\(error)"])
    }
  }

  /// The values of the inputs in order.
  private func checked(_ values: [String: Tensor]) throws(ONNXError) -> [Tensor] {
    var problems: [String] = []
    var feeds: [Tensor] = []
    var symbols = ExactNames<Int>()
    for (input, (_, info)) in zip(inputs, program.inputs) {
      guard let value = values[input.name] else {
        problems.append("the input \(quoted(input.name)) is missing")
        continue
      }
      feeds.append(value)
      if value.dtype != input.dtype {
        problems.append(
          "the input \(quoted(input.name)) is \(value.dtype), but must be \(input.dtype)")
      }
      guard let shape = info.shape else { continue }
      var fits = shape.count == value.rank
      for (dimension, size) in zip(shape, value.shape) {
        switch dimension {
        case .size(let declared): fits = fits && declared == size
        case .symbol(let symbol):
          fits = fits && (symbols[symbol] ?? size) == size
          symbols[symbol] = symbols[symbol] ?? size
        case .unknown: break
        }
      }
      if !fits {
        let declared = shape.map { dimension in
          switch dimension {
          case .size(let size): String(size)
          case .symbol(let symbol): symbol
          case .unknown: "?"
          }
        }
        problems.append(
          "the input \(quoted(input.name)) has the shape \(value.shape), but must have "
            + "[\(declared.joined(separator: ", "))]")
      }
    }
    let known = Set(inputs.map(\.name))
    for name in values.keys.sorted() where !known.contains(name) {
      problems.append("there is no input \(quoted(name))")
    }
    guard problems.isEmpty else { throw ONNXError(source: source, problems: problems) }
    return feeds
  }

  /// Parameters and buffers by the names of their initialisers, layers by those of their nodes.
  public var members: ModelMembers {
    var members = ModelMembers()
    for (_, name, tensor) in program.state {
      if let parameter = tensor as? Parameter { members.add(name, parameter) }
      if let buffer = tensor as? Buffer { members.add(name, buffer) }
    }
    for step in program.steps { members.add(step.origin.name ?? "", step.origin) }
    return members
  }
}

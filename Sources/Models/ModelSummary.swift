import TapestryFiles
import TapestryGraph
import TapestryOps

/// What a net is made of: a row per layer with shapes, parameters, arithmetic, memory and receptive field, and totals.
///
/// ```swift
/// let summary = try LeNet5().summary(for: [1, 1, 32, 32])
/// print(summary)
/// print(summary.multiplyAccumulates)
/// ```
public struct ModelSummary: Sendable {
  /// A layer, or an op that belongs to none.
  public struct Row: Sendable {
    /// The dotted name of the layer, such as `features.0`; empty for an op outside any layer.
    public let layer: String
    /// What it does: `conv2d 5x5, stride 2`. The op with most arithmetic, where a layer has several.
    public let operation: String
    /// The shape of its result, `[N, C, H, W]` for maps.
    public let outputShape: TensorShape
    /// The trained values that it uses and no row above it did.
    public let parameterCount: Int
    /// Multiplications whose products are summed, for the whole batch: those of convolutions and matrix products,
    /// padding included, biases not.
    public let multiplyAccumulates: Int
    /// All arithmetic for the whole batch: a multiply-accumulate counts 2.
    public let arithmetic: Int
    /// The bytes of what it computes; what shares the memory of its input counts 0.
    public let activationBytes: Int
    /// What a unit of its result sees of the image; `nil` where the input is no image.
    public let receptiveField: ReceptiveField?
  }

  /// The layers in the order in which they run; one that runs several times has as many rows.
  public let rows: [Row]
  /// `[N, C, H, W]` for images.
  public let inputShape: TensorShape
  public let outputShape: TensorShape
  /// All trained values of the net.
  public let parameterCount: Int
  /// Those that the run does not use, such as the heads that serve training alone.
  public let unusedParameterCount: Int
  /// Values in frozen parameters.
  public let frozenParameterCount: Int
  /// The bytes of all parameters and buffers.
  public let stateBytes: Int

  /// The sum of the rows.
  public var multiplyAccumulates: Int { rows.reduce(0) { $0 + $1.multiplyAccumulates } }
  /// The sum of the rows.
  public var arithmetic: Int { rows.reduce(0) { $0 + $1.arithmetic } }
  /// The sum of the rows: what a forward pass writes. Training keeps at most this much for its backward pass, and
  /// inference only what is still to be read.
  public var activationBytes: Int { rows.reduce(0) { $0 + $1.activationBytes } }
}

extension Model {
  /// What the net is made of, from a dry run with an input of this shape.
  ///
  /// - Parameters:
  ///   - shape: of the input, `[N, C, H, W]` for images.
  ///   - training: whether layers behave as in training. Default false.
  /// - Throws: ``InputMismatch``, naming the layer that does not fit and the smallest size that does.
  public func summary(for shape: TensorShape, training: Bool = false) throws -> ModelSummary {
    try named().trace(for: shape, training: training).summary(of: self)
  }
}

extension ModelTrace {
  /// A row per layer of `model`, of which this is a trace.
  func summary(of model: some Model) -> ModelSummary {
    let counts = Dictionary(
      model.namedParameters.map { ($0.name, $0.parameter.count) }, uniquingKeysWith: { $1 })
    let fields = receptiveFields()
    var used: Set<String> = []
    // What a layer does in several ops is one row; a layer that runs again has another.
    var groups: [[Step]] = []
    for step in steps {
      if let layer = step.layer, groups.last?.last?.layer == layer {
        groups[groups.count - 1].append(step)
      } else {
        groups.append([step])
      }
    }
    let rows = groups.map { group in
      var parameterCount = 0
      for step in group {
        for operand in step.inputs {
          guard case .parameter(let name) = values[operand].source, used.insert(name).inserted
          else { continue }
          parameterCount += counts[name] ?? 0
        }
      }
      return row(group, parameterCount: parameterCount, fields)
    }
    let parameters = model.parameters
    let total = parameters.reduce(0) { $0 + $1.count }
    return ModelSummary(
      rows: rows, inputShape: values[input].spec.shape,
      outputShape: outputs.first.map { values[$0].spec.shape } ?? [], parameterCount: total,
      unusedParameterCount: total - used.reduce(0) { $0 + (counts[$1] ?? 0) },
      frozenParameterCount: model.frozenParameterCount,
      stateBytes: model.members.state.reduce(0) { $0 + $1.value.spec.byteCount })
  }

  private func row(
    _ group: [Step], parameterCount: Int, _ fields: [ReceptiveField?]
  ) -> ModelSummary.Row {
    let last = group[group.count - 1]
    let main = group.dropFirst().reduce(group[0]) {
      $1.cost.multiplyAccumulates > $0.cost.multiplyAccumulates ? $1 : $0
    }
    return ModelSummary.Row(
      layer: last.layer ?? "",
      operation: main.label.isEmpty ? main.name : "\(main.name) \(main.label)",
      outputShape: outputShape(of: last), parameterCount: parameterCount,
      multiplyAccumulates: group.reduce(0) { $0 + $1.cost.multiplyAccumulates },
      arithmetic: group.reduce(0) { $0 + $1.cost.arithmetic },
      activationBytes: group.reduce(0) { sum, step in
        step.sharesMemory ? sum : sum + step.outputs.reduce(0) { $0 + values[$1].spec.byteCount }
      },
      receptiveField: fields[last.outputs[0]])
  }
}

extension ModelTrace.Step {
  /// Whether the result is the input's memory with another shape.
  var sharesMemory: Bool { isView(operation) }
}

extension ModelSummary: CustomStringConvertible {
  /// The rows as a table with aligned columns, then the totals.
  public var description: String {
    var cells = [
      [
        "layer", "op", "output", "parameters", "multiply-adds", "memory", "receptive field",
      ]
    ]
    for row in rows {
      cells.append([
        row.layer, row.operation, Self.sizes(row.outputShape), Self.count(row.parameterCount),
        Self.count(row.multiplyAccumulates),
        row.activationBytes == 0 ? "" : Self.bytes(row.activationBytes),
        row.receptiveField?.description ?? "",
      ])
    }
    let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    var lines = cells.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let blank = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + ((3...5).contains(column) ? blank + cell : cell + blank)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    let ruler = String(repeating: "-", count: lines.map(\.count).max() ?? 0)
    lines.insert(ruler, at: 1)
    return (lines + [ruler] + totals).joined(separator: "\n")
  }

  /// The totals, a line each.
  public var totals: [String] {
    var parameters = "parameters: \(grouped(parameterCount))"
    if frozenParameterCount > 0 {
      parameters += ", \(grouped(frozenParameterCount)) of them frozen"
    }
    if unusedParameterCount > 0 {
      parameters += ", \(grouped(unusedParameterCount)) of them not used here"
    }
    let images = inputShape.first ?? 1
    let batch = inputShape.rank == 4 && images > 1 ? " for \(images) images" : ""
    return [
      "input \(inputShape), output \(outputShape)", parameters,
      "multiply-adds: \(grouped(multiplyAccumulates))\(batch) (\(Self.giga(arithmetic)) GFLOP in all)",
      "memory: \(Self.bytes(stateBytes)) parameters and statistics, "
        + "\(Self.bytes(activationBytes)) results of layers\(batch)",
    ]
  }

  /// `64x112x112`, without the batch.
  private static func sizes(_ shape: TensorShape) -> String {
    shape.dropFirst().map { "\($0)" }.joined(separator: "x")
  }

  private static func count(_ value: Int) -> String { value == 0 ? "" : grouped(value) }

  private static func bytes(_ count: Int) -> String {
    let (unit, name) =
      count < 1_000_000
      ? (1000, "kB") : count < 1_000_000_000 ? (1_000_000, "MB") : (1_000_000_000, "GB")
    let tenths = (count * 10 + unit / 2) / unit
    return tenths < 1000
      ? "\(tenths / 10).\(tenths % 10) \(name)" : "\(grouped((tenths + 5) / 10)) \(name)"
  }

  /// Thousand millions with two digits.
  private static func giga(_ count: Int) -> String {
    let hundredths = (count + 5_000_000) / 10_000_000
    let rest = hundredths % 100
    return "\(grouped(hundredths / 100)).\(rest < 10 ? "0" : "")\(rest)"
  }
}

import CTapestryKernels
import TapestryFiles
import TapestryGraph
import TapestryModels

/// `convnet run`: computes a net's results for arrays in a file.
struct RunCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let onnx: Option<String?> = .string("onnx", "FILE", help: "The model, as an ONNX file.")
    static let weights: Option<String?> = .string(
      "weights", "FILE", help: "Or its weights, as 'convnet train' saved them.")
    static let model: Option<String?> = .model(
      help: "Of which model they are, where the file does not say so.")
    static let input: Option<String?> = .string("input", "FILE", help: "The inputs. Required.")
    static let output: Option<String?> = .string(
      "output", "FILE", help: "The file to write the results to. Required.")
    static let threads: Option<Int?> = .int(
      "threads", in: 1...1024, help: "Threads to compute with. (default: the processors)")
  }

  static let description = CommandDescription(
    program: "convnet", name: "run", summary: "Computes what a model answers to arrays in a file.",
    discussion: """
      Reads the inputs from a safetensors file and writes the results to another. Arrays are called as the \
      inputs and outputs of an ONNX file; a model with one input takes the only array, whatever its name, and \
      the result of a model of the catalog is called 'output'.

        convnet run --onnx net.onnx --input x.safetensors --output y.safetensors
        convnet run --weights w.safetensors --input x.safetensors --output out.st
      """,
    options: declared(
      Options.onnx, Options.weights, Options.model, Options.input, Options.output, Options.threads))

  private let arguments: ParsedArguments
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    self.arguments = arguments
    console = program.console
  }

  func run() throws -> Int32 {
    let (inputPath, outputPath) = (
      try arguments.required(Options.input), try arguments.required(Options.output)
    )
    let (onnx, weights) = (
      arguments[Options.onnx], arguments[Options.weights]
    )
    guard (onnx == nil) != (weights == nil) else {
      throw arguments.misuse("give a model either with '--onnx' or with '--weights'")
    }
    if let threads = arguments[Options.threads] { tapestry_set_thread_count(Int32(threads)) }
    let feeds = try Self.read(inputPath)
    let results: [(name: String, value: Tensor)]
    if let onnx {
      results = try self.results(ONNXModel(contentsOf: onnx), feeds)
    } else {
      let net = try SavedNet(
        path: weights ?? "", modelName: arguments[Options.model])
      guard feeds.count == 1, let feed = feeds.first?.value else {
        throw CommandError("\(inputPath): has \(feeds.count) arrays, but the model takes one")
      }
      guard feed.dtype == .float32 else {
        throw CommandError("\(inputPath): the array is \(feed.dtype), but must be float32")
      }
      _ = try net.model.outputShape(for: feed.shape)
      try NetCost(of: feed.shape) { net.model }.require(for: "\(weights ?? "") for \(feed.shape)")
      results = [("output", inference { net.model(feed) })]
    }
    try SafetensorsFile.write(results.map { StateFile.item($0.name, $0.value) }, to: outputPath)
    for (name, value) in results { console.line("\(name) \(value.spec)") }
    return 0
  }

  private func results(
    _ net: ONNXModel, _ feeds: [(name: String, value: Tensor)]
  ) throws -> [(name: String, value: Tensor)] {
    var named = Dictionary(feeds.map { ($0.name, $0.value) }) { first, _ in first }
    if net.inputs.count == 1, feeds.count == 1 { named = [net.inputs[0].name: feeds[0].value] }
    // Beside the results, which programs read.
    console.writeError("needs at most \(try net.estimate(for: named))\n")
    let results = try net.outputs(for: named)
    return net.outputs.compactMap { name in results[name].map { (name, $0) } }
  }

  /// The arrays of a safetensors file in their own types.
  private static func read(_ path: String) throws -> [(name: String, value: Tensor)] {
    let file = try SafetensorsFile(path: path)
    do throws(SafetensorsError) {
      try file.verify()
    } catch {
      throw FileError(path: path, cause: .safetensors(error))
    }
    return try file.entries.map { entry in
      let dtype = DType.allCases.first { StateFile.dtype($0) == entry.dtype }
      guard let value = StateFile.tensor(entry, of: file, dtype: dtype ?? .float32) else {
        throw CommandError(
          "\(path): \(quoted(entry.name)) is \(entry.dtype.rawValue) \(entry.shape), which is not supported"
        )
      }
      return (entry.name, value)
    }
  }
}

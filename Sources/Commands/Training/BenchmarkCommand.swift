import CTapestryKernels
import TapestryFiles
import TapestryGraph

/// `convnet benchmark`: how fast a net or an op is here.
struct BenchmarkCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let operation: Option<String?> = .choice(
      "operation", "NAME", of: ["gemm", "conv2d"], help: "An op, in the place of a model.")
    static let mode: Option<String?> = .choice(
      "mode", "NAME", of: ["train", "infer", "training", "forward"],
      help:
        "For a model 'train' (a whole step: forward, loss, backward, SGD with momentum) or 'infer'; for an "
        + "op 'forward', or 'training' with all gradients. (default: train, forward)")
    static let input: Option<[Int]> = .intList(
      "input", "N,...", in: 1...1_000_000,
      help: "Size of an image, C,H,W, for a model; of the input, N,C,H,W, for conv2d.")
    static let filters: Option<[Int]> = .intList(
      "filters", "O,I,H,W", in: 1...1_000_000, help: "Filters of conv2d.")
    static let stride: Option<Int> = .int("stride", default: 1, in: 1...10_000, help: "Of conv2d.")
    static let padding: Option<Int> = .int(
      "padding", default: 0, in: 0...10_000, help: "Of conv2d, on each side.")
    static let groups: Option<Int> = .int(
      "groups", default: 1, in: 1...1_000_000, help: "Of conv2d.")
    static let size: Option<Int?> = .int(
      "size", in: 1...100_000, help: "Of gemm: the side of both matrices.")
    static let shape: Option<[Int]> = .intList(
      "shape", "M,K,N", in: 1...10_000_000, help: "Of gemm: an M x K matrix times a K x N one.")
    static let threads: Option<Int?> = .int(
      "threads", in: 1...1024, help: "Threads to compute with. (default: the processors)")
    static let repeats: Option<Int?> = .int(
      "repeat", in: 1...1_000_000, help: "Calls to measure. (default: about 2 seconds of them)")
    static let json: Option<Bool> = .flag("json", help: "One JSON object.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "benchmark", summary: "Measures how fast a model or an op is here.",
    discussion: """
      Runs on random data: warm-up, then the median of repeated calls. The share of peak is that of the float32 \
      multiplications and additions that the same threads do in registers alone, measured in the same run.

        convnet benchmark --model resnet18 --batch 8 --mode train
        convnet benchmark --operation gemm --size 1024
        convnet benchmark --operation gemm --shape 64,9216,4096
        convnet benchmark --operation conv2d --mode training \\
          --input 8,256,56,56 --filters 64,256,1,1
      """,
    options: NetOptions.options
      + declared(
        Options.operation, Options.mode, Options.input, Options.filters, Options.stride,
        Options.padding, Options.groups, Options.size, Options.shape, Options.threads,
        Options.repeats, Options.json))

  private let arguments: ParsedArguments
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    self.arguments = arguments
    console = program.console
    guard arguments.isTyped(NetOptions.Options.model) != arguments.isTyped(Options.operation) else {
      throw arguments.misuse("give either '--model NAME' or '--operation NAME'")
    }
  }

  func run() throws -> Int32 {
    if let threads = arguments[Options.threads] { tapestry_set_thread_count(Int32(threads)) }
    let workload = try makeWorkload()
    let timing = Timing(repeating: arguments[Options.repeats], workload.run)
    let peak = measuredPeak()
    let rate = Double(workload.arithmetic()) / timing.median
    let memory = peakMemory()
    if arguments[Options.json] {
      var report = JSONObject()
      report["title"] = .string(workload.title)
      report["median_ms"] = .finite(timing.median * 1e3)
      report["shortest_ms"] = .finite(timing.shortest * 1e3)
      report["repeats"] = .integer(timing.count)
      if let images = workload.images {
        report["images_per_second"] = .finite(Double(images) / timing.median)
      }
      report["gflops"] = .finite(rate * 1e-9)
      report["peak_gflops"] = .finite(peak * 1e-9)
      report["share_of_peak"] = .finite(rate / peak)
      report["peak_bytes"] = .integer(memory)
      report["threads"] = .integer(Int(tapestry_thread_count()))
      report["kernels"] = .string(String(cString: tapestry_cpu_current()))
      console.line(jsonLine(.object(report)))
      return 0
    }
    let images = workload.images.map { "\(grouped(Double($0) / timing.median)) images/s, " } ?? ""
    console.line(
      """
      \(console.styled(workload.title, .bold))
      \(counted(Int(tapestry_thread_count()), "thread")), \(String(cString: tapestry_cpu_current())) kernels

      median        \(console.styled(duration(timing.median), .bold)) of \(counted(timing.count, "repeat")) \
      (shortest \(duration(timing.shortest)))
      rate          \(images)\(fixed(rate * 1e-9, 1)) GFLOP/s
      share of peak \(fixed(100 * rate / peak, 1)) % of \(fixed(peak * 1e-9, 0)) GFLOP/s
      peak memory   \(byteSize(memory))
      """)
    return 0
  }

  private func makeWorkload() throws -> Workload {
    let mode = arguments[Options.mode]
    if arguments.isTyped(NetOptions.Options.model) {
      let net = try NetOptions(arguments, input: arguments[Options.input])
      return .net(
        net.entry, net.model, shape: net.shape, classes: net.classes,
        isTraining: mode == nil || mode == "train" || mode == "training")
    }
    let isTraining = mode == "train" || mode == "training"
    if try arguments.required(Options.operation) == "gemm" {
      let shape = arguments[Options.shape]
      if let size = arguments[Options.size], shape.isEmpty {
        return .product(m: size, k: size, n: size, isTraining: isTraining)
      }
      guard shape.count == 3, !arguments.isTyped(Options.size) else {
        throw arguments.misuse("gemm takes either '--size N' or '--shape M,K,N'")
      }
      return .product(m: shape[0], k: shape[1], n: shape[2], isTraining: isTraining)
    }
    return try makeConvolution(isTraining: isTraining)
  }

  private func makeConvolution(isTraining: Bool) throws -> Workload {
    let (input, filters) = (arguments[Options.input], arguments[Options.filters])
    guard input.count == 4, filters.count == 4 else {
      throw arguments.misuse("conv2d needs '--input N,C,H,W' and '--filters O,I,H,W'")
    }
    return try Workload.convolution(
      input: TensorShape(input), filters: TensorShape(filters),
      stride: arguments[Options.stride], padding: arguments[Options.padding],
      groups: arguments[Options.groups], isTraining: isTraining)
  }
}

/// `312 ms`, `4.56 ms`, `85.1 us`
func duration(_ seconds: Double) -> String {
  seconds < 1e-3
    ? "\(fixed(seconds * 1e6, 1)) us"
    : "\(fixed(seconds * 1e3, seconds < 0.01 ? 2 : seconds < 0.1 ? 1 : 0)) ms"
}

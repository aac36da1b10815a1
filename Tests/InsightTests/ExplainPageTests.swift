import Foundation
import Tapestry
import TapestryFiles
import TapestryInsight
import Testing

@Suite("The page that explains a net")
struct ExplainPageTests {
  private let plain = Normalization(mean: 0.2, deviation: 0.5)
  private let digits = (0..<10).map(String.init)

  private func page(
    of net: some Model, input: TensorShape = [1, 32, 32], named name: String = "net",
    classNames: [String]? = nil, samples: ImageSet? = nil
  ) throws -> ExplainPage {
    try ExplainPage(
      of: net, named: name, classNames: classNames ?? digits, input: input,
      normalization: Normalization(
        mean: [Double](repeating: 0.2, count: input[0]),
        deviation: [Double](repeating: 0.5, count: input[0])),
      samples: samples, sampleCount: 5)
  }

  /// The JSON in the page.
  private func data(of page: ExplainPage) throws -> JSONValue {
    let start = try #require(page.html.range(of: #"<script type="application/json" id="data">"#))
    let rest = page.html[start.upperBound...]
    let end = try #require(rest.range(of: "</script>"))
    return try JSONValue(parsing: Array(rest[..<end.lowerBound].utf8))
  }

  @Test("steps, shapes, weights and samples are those of the net")
  func description() throws {
    let net = DigitNet()
    let page = try page(of: net, samples: ImageSet.digits)
    let json = try data(of: page)
    let steps = try #require(json["steps"]?.array)
    #expect(
      steps.map { $0["op"]?.string } == [
        "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Relu", "Gemm",
        "Relu", "Gemm",
      ])
    #expect(steps[0]["layer"]?.string == "conv1")
    #expect(steps[2]["strides"] == [2, 2])
    let values = try #require(json["values"]?.array)
    #expect(values.first?["shape"] == [1, 32, 32])
    #expect(values.last?["shape"] == [10])
    let counts = json["weights"]?.array?.compactMap { $0["count"]?.int } ?? []
    #expect(counts.reduce(0, +) == net.parameterCount)
    let samples = try #require(json["samples"]?.array)
    #expect(samples.map { $0["index"]?.int } == [0, 359, 718, 1078, 1437])
    #expect(
      samples.map { $0["label"]?.int }
        == [0, 359, 718, 1078, 1437].map { ImageSet.digits.labels[$0] })
    #expect(json["source"]?["maximum"] == 16)
    #expect(page.html.utf8.count < 3_000_000)
  }

  @Test("nothing is loaded from anywhere")
  func selfContained() throws {
    let html = try page(of: LeNet5()).html
    #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("src="))
    for mark in ["@CSS@", "@DATA@", "@ENGINE@", "@VIEW@", "@TITLE@"] {
      #expect(!html.contains(mark))
    }
  }

  @Test("names cannot leave their places")
  func hostileNames() throws {
    var names = digits
    names[3] = "</script><script>alert(1)</script>@VIEW@"
    let page = try page(of: LeNet5(), named: "<b>&", classNames: names)
    #expect(!page.html.contains("alert(1)</script>"))
    #expect(page.html.contains("<title>&lt;b&gt;&amp;</title>"))
    #expect(try data(of: page)["classes"]?.array?[3].string == names[3])
  }

  @Test("nets with colours, batch normalisation and sums are described")
  func colour() throws {
    let net = FourClassNet()
    let four = try data(
      of: page(of: net, input: [3, 32, 32], classNames: ["dog", "cat", "boat", "bird"]))
    #expect(four["steps"]?.array?.first?["op"] == "Conv")
    struct Residual: Model {
      let conv1 = Conv2d(3, 4, kernel: 3, padding: 1)
      let bn1 = BatchNorm2d(4)
      let conv2 = Conv2d(4, 4, kernel: 3, padding: 1)
      let output = Linear(4, 10)
      func callAsFunction(_ input: Tensor) -> Tensor {
        let maps = relu(bn1(conv1(input)))
        return output(globalAveragePool(maps + conv2(maps)).flattened(from: 1))
      }
    }
    let residual = try data(of: page(of: Residual(), input: [3, 32, 32]))
    let ops = Set(residual["steps"]?.array?.compactMap { $0["op"]?.string } ?? [])
    #expect(ops.isSuperset(of: ["Conv", "BatchNormalization", "Relu", "Add", "Gemm"]))
  }

  @Test("a residual net with shortcuts of zeros is described")
  func padding() throws {
    let json = try data(of: page(of: CIFARResNet(depth: 8, width: 0.5), input: [3, 32, 32]))
    let steps = try #require(json["steps"]?.array)
    let pads = steps.filter { $0["op"] == "Pad" }
    #expect(pads.map { $0["amounts"] } == [[0, 0, 0, 8, 0, 0], [0, 0, 0, 16, 0, 0]])
    #expect(pads.allSatisfy { $0["value"]?.double == 0 })
    let values = try #require(json["values"]?.array)
    #expect(pads.map { values[$0["output"]?.int ?? 0]["shape"] } == [[16, 16, 16], [32, 8, 8]])
  }

  @Test("a net that the page cannot run is refused, with op and layer")
  func refusals() throws {
    struct Unknown: Model {
      let output = Linear(1024, 10)
      func callAsFunction(_ input: Tensor) -> Tensor { output(cos(input).flattened(from: 1)) }
    }
    let error = #expect(throws: ExplainPageError.self) { try page(of: Unknown()) }
    #expect(error?.description.contains("cos at ExplainPageTests.swift") == true)
    // What computes with the results of such an op is not named.
    #expect(error?.problems.count == 1)
    let original = #expect(throws: ExplainPageError.self) { try page(of: LeNet5Original()) }
    #expect(original?.problems.first == "affine of layer squash1: the page has no such op")
    #expect(original?.problems.contains { $0.hasPrefix("tanh") || $0.hasPrefix("linear") } == false)
    #expect(original.map { Set($0.problems).count == $0.problems.count } == true)
    #expect(throws: InputMismatch.self) { try page(of: LeNet5(), input: [1, 8, 8]) }
    #expect(throws: ExplainPageError.self) { try page(of: LeNet5(), classNames: ["a", "b"]) }
  }
}

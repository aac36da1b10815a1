import Foundation
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import Testing

@Suite("Models")
struct ModelTests {
  @Test("names come from properties, arrays, optionals and nested models; shared leaves count once")
  func names() {
    struct Block: Model {
      let norm: Parameter? = Parameter(Tensor([1]))
      let missing: Parameter? = nil
      let mean = Buffer(Tensor([0]))
      func callAsFunction(_ input: Tensor) -> Tensor { input }
    }
    struct Net: Model {
      let stem = Linear(2, 3)
      let blocks = [Block(), Block()]
      let tail = Sequential(ReLU(), Linear(3, 1, bias: false))
      let tied: Parameter
      let width = 3
      init() { tied = stem.weight }
      func callAsFunction(_ input: Tensor) -> Tensor { input }
    }
    let net = Net().named()
    #expect(
      net.members.state.map(\.name) == [
        "stem.weight", "stem.bias", "blocks.0.norm", "blocks.0.mean", "blocks.1.norm",
        "blocks.1.mean", "tail.1.weight",
      ])
    #expect(net.members.layers.map(\.name) == ["stem", "tail", "tail.0", "tail.1"])
    #expect(net.blocks[1].norm!.name == "blocks.1.norm")
    #expect(net.tail.members.parameters.map(\.name) == ["1.weight"])
    #expect(net.blocks[1].named().norm!.name == "blocks.1.norm")
  }

  @Test("a container without names for its contents traps instead of losing a parameter")
  func refusedContainers() async {
    let dictionary = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
    {
      struct Net: Model {
        let heads = ["a": Linear(1, 1)]
        func callAsFunction(_ input: Tensor) -> Tensor { input }
      }
      _ = Net().parameters
    }
    let text = String(decoding: dictionary?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text.contains("Net.heads is a dictionary, whose contents have no fixed names"), "\(text)")
    await #expect(processExitsWith: .failure) {
      struct Net: Model {
        let activation: @Sendable (Tensor) -> Tensor = { $0 }
        func callAsFunction(_ input: Tensor) -> Tensor { input }
      }
      _ = Net().parameters
    }
  }

  @Test("an image that is too small: the layer, and the smallest size that fits")
  func tooSmall() throws {
    let error = #expect(throws: InputMismatch.self) { try LeNet5().outputShape(for: [1, 1, 8, 8]) }
    let mismatch = try #require(error)
    #expect(mismatch.smallestSize == 32)
    #expect(mismatch.description.contains("in layer \"c3\""), "\(mismatch)")
    #expect(mismatch.description.contains("the smallest square image this net takes is 32x32"))
    let channels = #expect(throws: InputMismatch.self) {
      try DigitNet().outputShape(for: [1, 3, 32, 32])
    }
    #expect(try #require(channels).description.contains("in layer \"conv1\""))
    #expect(try DigitNet().outputShape(for: [7, 1, 32, 32]) == [7, 10])
  }

  @Test(
    "every parameter moves in one step, and the first loss is near ln 10",
    arguments: ["lenet5", "digitnet"])
  func firstStep(_ name: String) throws {
    let net = try #require(ModelCatalog.entry(named: name)).make(10, 1)
    let before = net.state.map { $0.value.scalars() }
    let x = Tensor.uniform([16, 1, 32, 32])
    let labels = Tensor(integers: (0..<16).map { $0 % 10 })
    let loss = softmaxCrossEntropy(net(x), labels: labels)
    #expect(abs(loss.item - 2.302585) < 0.3)
    SGD(net.parameters, learningRate: 0.1).update(along: loss.gradients())
    for (old, new) in zip(before, net.state) {
      #expect(old != new.value.scalars(), "\(new.name) did not move")
    }
  }

  @Test("the gradients of both nets agree with central differences")
  func gradientChecks() {
    for net in [LeNet5(classes: 4) as any Model, DigitNet(classes: 4)] {
      let x = Tensor.uniform([2, 1, 32, 32], dtype: .float64, source: RandomSource(seed: 5))
      let labels = Tensor(integers: [1, 3])
      let report = check(net, x, labels)
      #expect(report.passed, "\(report)")
    }
  }

  private func check(_ net: some Model, _ x: Tensor, _ labels: Tensor) -> GradientReport {
    checkGradients(ofParametersIn: net, at: [x]) { softmaxCrossEntropy(net($0[0]), labels: labels) }
  }

  @Test("initialisers: spread, bounds, reproducibility")
  func initializers() {
    func draw(_ initializer: Initializer, _ shape: TensorShape) -> [Double] {
      withRandomSource(RandomSource(seed: 11)) { initializer(shape, dtype: .float64).scalars() }
    }
    func deviation(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / Double(values.count)
      return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
        .squareRoot()
    }
    let shape: TensorShape = [64, 32, 3, 3]  // fan-in 288, fan-out 576
    #expect(abs(deviation(draw(.he(), shape)) - (2.0 / 288).squareRoot()) < 0.002)
    #expect(
      abs(deviation(draw(.he(.normal, fan: .output), shape)) - (2.0 / 576).squareRoot()) < 0.002)
    #expect(abs(deviation(draw(.he(.uniform), shape)) - (2.0 / 288).squareRoot()) < 0.002)
    #expect(abs(deviation(draw(.glorot(), shape)) - (1.0 / 432).squareRoot()) < 0.002)
    #expect(abs(deviation(draw(.leCun(), shape)) - (1.0 / 288).squareRoot()) < 0.002)
    let bound = 1 / 288.0.squareRoot()
    #expect(draw(.layerDefault, shape).allSatisfy { abs($0) <= bound })
    let truncated = draw(.truncatedNormal(deviation: 0.01), shape)
    #expect(truncated.allSatisfy { abs($0) <= 0.02 })
    #expect(abs(deviation(truncated) - 0.0088) < 0.0004)
    #expect(draw(.constant(3), [2]) == [3, 3])
    #expect(draw(.he(), shape) == draw(.he(), shape))
  }
}

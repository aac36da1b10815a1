import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("Features of layers")
struct FeaturesTests {
  private let images = Tensor.uniform([2, 1, 32, 32], source: RandomSource(seed: 5))

  @Test("the results of layers are those of computing them by hand, in the order asked for")
  func layers() throws {
    let net = LeNet5()
    let features = try inference { try net.features(of: images, at: ["f6", "c1", "output"]) }
    #expect(features.map(\.shape) == [[2, 84], [2, 6, 28, 28], [2, 10]])
    inference {
      #expect(features[1].scalars() == net.c1(images).scalars())
      #expect(features[2].scalars() == net(images).scalars())
    }
    #expect(try net.features(of: images, at: "c3").shape == [2, 16, 10, 10])
  }

  @Test("blocks, whole sequences and layers that run twice give what leaves them last")
  func blocks() throws {
    struct Block: Layer {
      let fc = Linear(4, 4)
      let relu = ReLU()
      let origin = LayerOrigin(file: #fileID, line: #line)
      func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
        relu(relu(fc(input)) - input)
      }
    }
    struct Net: Model {
      let stages = Sequential(Block(), Block())
      let head = Linear(4, 2)
      let spare = Linear(4, 2)
      func callAsFunction(_ input: Tensor) -> Tensor { head(stages(input)) }
    }
    let net = Net()
    let x = Tensor.uniform([3, 4], source: RandomSource(seed: 6))
    let found = try net.features(of: x, at: ["stages.0", "stages", "stages.1.relu", "stages.1"])
    let first = net.stages[0](x)
    let second = net.stages[1](first)
    #expect(found[0].scalars() == first.scalars())
    for value in found.dropFirst() { #expect(value.scalars() == second.scalars()) }
    let silent = #expect(throws: UnknownName.self) {
      try net.features(of: x, at: ["spare", "head"])
    }
    #expect(silent?.problems == ["the layer \"spare\" did not run for this input"])
  }

  @Test("gradients flow back from features")
  func gradients() throws {
    let net = LeNet5().named()
    let c3 = try net.features(of: images, at: "c3")
    let gradients = c3.sum().gradients()
    #expect(gradients.count == 4)
    #expect(gradients[net.c5.weight] == nil && gradients[net.c1.weight] != nil)
  }

  @Test("names that do not exist are listed with the nearest that do")
  func unknown() {
    let error = #expect(throws: UnknownName.self) {
      try LeNet5().features(of: images, at: ["c1", "c9", "outputs", "backbone"])
    }
    #expect(error?.problems.count == 3)
    #expect(
      error?.problems[0] == "no layer of this model is called \"c9\"; did you mean \"c1\"?")
    #expect(error?.problems[1].hasSuffix("did you mean \"output\"?") == true)
    #expect(
      error?.problems[2].hasPrefix("no layer of this model is called \"backbone\"; there is c1, ")
        == true)
  }
}

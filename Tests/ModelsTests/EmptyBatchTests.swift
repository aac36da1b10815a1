import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// Layers and nets with a batch of no images: empty results, gradients of 0, statistics as they were.
@Suite struct EmptyBatches {
  /// A layer, what it takes of each image, and what it gives.
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: [Int]
    let output: [Int]
    let make: @Sendable () -> any Model

    init(
      _ name: String, _ input: [Int], _ output: [Int], _ make: @escaping @Sendable () -> any Model
    ) {
      (testDescription, self.input, self.output, self.make) = (name, input, output, make)
    }
  }

  static let rows = [
    Row("Linear", [5], [4]) { Linear(5, 4) },
    Row("Linear without bias", [5], [4]) { Linear(5, 4, bias: false) },
    Row("Linear without outputs", [5], [0]) { Linear(5, 0) },
    Row("Conv2d", [2, 6, 7], [4, 6, 7]) { Conv2d(2, 4, kernel: 3, padding: 1) },
    Row("Conv2d, strided", [2, 6, 7], [4, 3, 3]) { Conv2d(2, 4, kernel: 2, stride: 2, groups: 2) },
    Row("Conv2d, 1x1", [2, 6, 7], [4, 6, 7]) { Conv2d(2, 4, kernel: 1) },
    Row("BatchNorm2d", [3, 4, 4], [3, 4, 4]) { BatchNorm2d(3) },
    Row("LocalResponseNorm", [3, 4, 4], [3, 4, 4]) { LocalResponseNorm(3) },
    Row("MaxPool2d", [3, 4, 4], [3, 2, 2]) { MaxPool2d(2) },
    Row("AveragePool2d", [3, 4, 4], [3, 2, 2]) { AveragePool2d(2) },
    Row("Flatten", [3, 4, 4], [48]) { Flatten() },
    Row("Dropout", [5], [5]) { Dropout(0.5) },
    Row("ReLU", [5], [5]) { ReLU() },
    Row("Tanh", [5], [5]) { Tanh() },
    Row("Sigmoid", [5], [5]) { Sigmoid() },
  ]

  @Test("layers", arguments: rows)
  func layer(_ row: Row) {
    let model = row.make()
    check(model, row.input, [0] + row.output) { model($0).sum() }
    #expect(inference { model(Tensor.zeros(TensorShape([0] + row.input))) }.shape[0] == 0)
  }

  @Test("nets", arguments: NarrowNet.all)
  func net(_ net: NarrowNet) {
    let model = net.make()
    check(model, net.image, [0, NarrowNet.classes]) {
      NarrowNet.loss(model, $0, Tensor(integers: [], shape: [0]))
    }
  }

  private func check(
    _ model: any Model, _ image: [Int], _ output: [Int], loss: (Tensor) -> Tensor
  ) {
    let before = model.members.buffers.map { $0.buffer.value.scalars() }
    let x = Tensor.zeros(TensorShape([0] + image)).tracked()
    #expect(model(x).shape == TensorShape(output))
    let value = loss(x)
    #expect(value.item == 0)
    let gradients = value.gradients()
    #expect(gradients[x]?.shape == x.shape)
    for (name, parameter) in model.members.parameters {
      let gradient = gradients[parameter]
      #expect(gradient?.shape == parameter.shape, "\(name)")
      #expect(gradient?.scalars().allSatisfy { $0 == 0 } ?? false, "\(name)")
    }
    #expect(model.members.buffers.map { $0.buffer.value.scalars() } == before)
  }
}

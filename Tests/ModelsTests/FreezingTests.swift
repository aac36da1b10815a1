import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import Testing

@Suite("Freezing")
struct FreezingTests {
  private let images = Tensor.uniform([2, 1, 32, 32], source: RandomSource(seed: 1))

  private func loss(_ net: some Model) -> Tensor {
    softmaxCrossEntropy(net(images), labels: Tensor(integers: [3, 7]))
  }

  @Test("frozen parameters get no gradient and no update, weight decay included; the rest does")
  func update() throws {
    let net = LeNet5().named()
    let frozen = try net.freeze("c*")
    #expect(frozen == ["c1.weight", "c1.bias", "c3.weight", "c3.bias", "c5.weight", "c5.bias"])
    #expect(net.frozenParameterCount == 156 + 2416 + 48_120)
    #expect(!net.c1.weight.isTracked && net.f6.weight.isTracked)
    let optimizer = SGD(net, learningRate: 0.1, momentum: 0.9, weightDecay: 0.1)
    let before = net.state.map { $0.value.scalars() }
    let gradients = loss(net).gradients()
    #expect(gradients.count == 4)
    #expect(gradients[net.c1.weight] == nil)
    optimizer.update(along: gradients)
    for (index, (name, value)) in net.state.enumerated() {
      #expect((value.scalars() == before[index]) == frozen.contains(name), "\(name)")
    }
    // Nothing of what lies below the first trained layer was recorded, and the state file is whole.
    let remembered = optimizer.state.map(\.name).filter { $0.hasSuffix(".momentum") }
    #expect(
      remembered
        == ["f6.weight", "f6.bias", "output.weight", "output.bias"].map { "\($0).momentum" })
    #expect(net.state.count == 10)
  }

  @Test("what was frozen can be trained again, and a frozen parameter can be assigned")
  func unfreezing() throws {
    let net = LeNet5().named()
    try net.freeze("*")
    #expect(net.parameters.allSatisfy { $0.isFrozen })
    let bias = try #require(net.c1.bias)
    bias.value = .ones([6])
    #expect(bias.isFrozen && !bias.isTracked)
    #expect(bias.value.scalars() == [1, 1, 1, 1, 1, 1])
    try net.unfreeze("output", "f6.weight")
    #expect(loss(net).gradients().count == 3)
    try net.unfreeze()
    #expect(loss(net).gradients().count == 10)
    #expect(net.frozenParameterCount == 0)
  }

  @Test("the gradients of the rest are the same as without freezing, to the last bit")
  func sameGradients() throws {
    let net = LeNet5().named()
    let all = loss(net).gradients()
    try net.freeze("c3", "f6.bias")
    let rest = loss(net).gradients()
    #expect(rest.count == 7)
    for (name, parameter) in net.namedParameters where !parameter.isFrozen {
      #expect(rest[parameter]?.scalars() == all[parameter]?.scalars(), "\(name)")
    }
  }

  @Test("batch normalisation with frozen statistics uses them in training and leaves them")
  func statistics() throws {
    struct Norm: Model {
      let weight = Parameter(Tensor([2, 3]))
      // swift-format-ignore: AlwaysUseLowerCamelCase
      let running_mean = Buffer(Tensor([0.5, -1]))
      // swift-format-ignore: AlwaysUseLowerCamelCase
      let running_var = Buffer(Tensor([4, 0.25]))
      func callAsFunction(_ input: Tensor) -> Tensor {
        batchNorm(input, runningMean: running_mean, runningVariance: running_var, scale: weight)
      }
    }
    let net = Norm().named()
    let input = Tensor.uniform([3, 2, 2, 2], source: RandomSource(seed: 2))
    let expected = inference { net(input) }.scalars()
    #expect(net(input).scalars() != expected)
    #expect(net.running_mean.value.scalars() != [0.5, -1])
    net.running_mean.value = Tensor([0.5, -1])
    net.running_var.value = Tensor([4, 0.25])
    try net.freeze("running_*")
    let output = net(input)
    for (a, b) in zip(output.scalars(), expected) { #expect(abs(a - b) < 1e-6) }
    #expect(net.running_mean.value.scalars() == [0.5, -1])
    #expect(net.running_var.value.scalars() == [4, 0.25])
    #expect(output.sum().gradients()[net.weight] != nil)
  }

  @Test("a pattern that matches nothing is an error with near names, and nothing is frozen")
  func unknown() {
    let net = LeNet5().named()
    let error = #expect(throws: UnknownName.self) { try net.freeze("c1", "c7.weight", "outputs.*") }
    #expect(
      error?.problems == [
        "\"c7.weight\" matches no name of this model; did you mean \"c1.weight\"?",
        "\"outputs.*\" matches no name of this model; did you mean \"output.*\"?",
      ])
    #expect(net.frozenParameterCount == 0)
    let far = #expect(throws: UnknownName.self) { try net.freeze("backbone") }
    #expect(
      far?.description
        == "\"backbone\" matches no name of this model; there is c1, c3, c5, f6, output")
  }

  @Test(
    "the gradient of a frozen parameter, or of a loss that none is left for, traps with a remedy")
  func traps() async {
    let one = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let weight = Parameter(Tensor([1, 2]), name: "weight")
      let other = Parameter(Tensor([1, 2]), name: "other")
      weight.isFrozen = true
      _ = gradients(of: (weight * other).sum(), withRespectTo: [weight])
    }
    let text = String(decoding: one?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("the parameter \"weight\" is frozen: it has no gradient"), "\(text)")
    let all = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let weight = Parameter(Tensor([1, 2]), name: "weight")
      weight.isFrozen = true
      _ = weight.sum().gradients()
    }
    let words = String(decoding: all?.standardErrorContent ?? [], as: UTF8.self)
    #expect(words.contains("use a Parameter that is not frozen"), "\(words)")
  }
}

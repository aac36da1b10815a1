import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import Testing

@Suite("Zoo")
struct ZooTests {
  @Test("every net of the catalog has a narrow copy")
  func complete() {
    #expect(Set(NarrowNet.all.map(\.name)) == Set(ModelCatalog.entries.map(\.name)))
  }

  @Test("every parameter moves in one step, and the first loss is near ln(classes)")
  func firstSteps() {
    for narrow in NarrowNet.all {
      withRandomSource(RandomSource(seed: 1)) {
        let net = narrow.make()
        let x = Tensor.uniform(TensorShape([4] + narrow.image), from: -1, to: 1)
        let labels = Tensor(integers: [0, 3, 1, 4])
        let before = net.namedParameters.map { $0.parameter.value.scalars() }
        let loss = NarrowNet.loss(net, x, labels)
        // Auxiliary heads add 0.3 of a loss each.
        let heads = (net as? any AuxiliaryModel)?.logits(of: x).auxiliary.count ?? 0
        let expected = 1.6094 * (1 + 0.3 * Double(heads))
        #expect(
          abs(loss.item - expected) < 0.5 * expected, "\(narrow.name): first loss \(loss.item)")
        let gradients = loss.gradients()
        // Momentum-free steps in units of the gradient's size: what has a gradient moves.
        Adam(net, learningRate: 0.01).update(along: gradients)
        for (old, (name, parameter)) in zip(before, net.namedParameters)
        where old == parameter.value.scalars() {
          Issue.record("\(narrow.name): \(name) did not move")
        }
      }
    }
  }

  @Test("the gradient of every net agrees with central differences, along random directions")
  func gradients() {
    for narrow in NarrowNet.all {
      let random = RandomSource(seed: 2)
      withRandomSource(random) {
        let net = withParameterType(.float64) { narrow.make() }
        // Values of one size in every layer: with those of the initialisers some gradients would be too small to tell.
        let parameters = net.parameters
        for parameter in parameters {
          let fan = parameter.shape.dropFirst().reduce(1, *)
          let bound = parameter.rank > 1 ? (6 / Double(fan)).squareRoot() : 0.1
          let noise = Tensor.uniform(parameter.shape, from: -bound, to: bound, dtype: .float64)
          parameter.value =
            parameter.rank > 1 ? noise : withoutGradients { parameter.value + noise }
        }
        let x = Tensor.uniform(
          TensorShape([3] + narrow.image), from: -1, to: 1, dtype: .float64)
        let labels = Tensor(integers: [1, 4, 2])
        let bases = parameters.map(\.value)
        // Of a deep net some unit is always near its kink: then all steps are made smaller.
        var found: GradientReport?
        for size in [0.05, 0.005, 0.0005] where found?.checked ?? 0 == 0 {
          let directions = (0..<4).map { _ in
            (bases + [x]).map { Tensor.uniform($0.shape, from: -size, to: size, dtype: .float64) }
          }
          found = checkGradients(at: Tensor([0, 0, 0, 0], dtype: .float64)) { steps in
            func moved(_ place: Int, _ base: Tensor) -> Tensor {
              directions.indices.reduce(base) {
                $0 + directions[$1][place] * steps.sliced($1..<$1 + 1, along: 0).reshaped(to: [])
              }
            }
            let pairs = parameters.indices.map {
              (parameters[$0] as Tensor, moved($0, bases[$0]))
            }
            let image = moved(bases.count, x)
            return substituting(pairs) { NarrowNet.loss(net, image, labels) }
          }
        }
        let report = found!
        #expect(report.passed, "\(narrow.name): \(report)")
        // Far above the absolute tolerance of 1e-9.
        #expect(abs(report.worst?.analytic ?? 0) > 1e-6, "\(narrow.name): \(report)")
      }
    }
  }

  @Test("initialisers draw what the papers say")
  func initialisation() {
    withRandomSource(RandomSource(seed: 3)) {
      func expect(_ parameter: Parameter?, _ deviation: Double, mean: Double = 0) {
        let values = parameter?.value.scalars() ?? []
        let count = Double(values.count)
        let found = values.reduce(0, +) / count
        let spread = (values.reduce(0) { $0 + ($1 - found) * ($1 - found) } / count).squareRoot()
        let allowance = max(deviation * 6 / count.squareRoot(), 1e-7)
        #expect(abs(found - mean) <= allowance, "\(parameter?.name ?? ""): mean \(found)")
        #expect(abs(spread - deviation) <= allowance, "\(parameter?.name ?? ""): \(spread)")
      }
      func named(_ net: some Model) -> [String: Parameter] {
        Dictionary(uniqueKeysWithValues: net.namedParameters.map { ($0.name, $0.parameter) })
      }
      let resnet = named(ResNet(.resNet18, width: 0.5))
      expect(resnet["layer2.0.conv1.weight"], (2.0 / (64 * 9)).squareRoot())
      expect(resnet["layer2.0.bn1.weight"], 0, mean: 1)
      let vgg = named(VGG(.vgg11, width: 0.125))
      expect(vgg["features.3.weight"], (2.0 / (16 * 9)).squareRoot())
      expect(vgg["classifier.3.weight"], 0.01)
      expect(vgg["classifier.3.bias"], 0)
      let densenet = named(DenseNet(.denseNet121, width: 0.5))
      expect(
        densenet["features.denseblock1.denselayer1.conv2.weight"], (2.0 / (64 * 9)).squareRoot())
      expect(densenet["classifier.bias"], 0)
      let googlenet = named(GoogLeNet(width: 0.5))
      expect(googlenet["inception4e.branch2.1.conv.weight"], 0.0088)
      let alexnet = named(AlexNet2012(size: 99, width: 0.25))
      expect(alexnet["conv3.weight"], 0.01)
      expect(alexnet["conv3.bias"], 0)
      for name in ["conv2", "conv4", "conv5", "fc6", "fc7"] {
        expect(alexnet["\(name).bias"], 0, mean: 1)
      }
      expect(named(ZFNet(size: 99, width: 0.25))["conv4.weight"], 0.01)
      let heads = named(GoogLeNet2014(width: 0.25))
      expect(heads["aux1.fc1.weight"], (1.0 / 512).squareRoot())
      expect(heads["conv2.conv.bias"], 0, mean: 0.2)
      let lenet = named(LeNet5Original())
      expect(lenet["c5.weight"], 2.4 / 400 / 3.0.squareRoot())
      let c3 = lenet["c3.weight"]?.value.scalars() ?? []
      for (map, inputs) in LeNet5Original.connections.enumerated() {
        for input in 0..<6 {
          let values = c3[(map * 6 + input) * 25..<(map * 6 + input + 1) * 25]
          let bound = 2.4 / Double(25 * inputs.count)
          #expect(values.allSatisfy { abs($0) <= bound * 1.000001 })
          #expect(values.contains { $0 != 0 } == inputs.contains(input))
        }
      }
    }
  }

  @Test("a net made for an image that it cannot take: the layer, and the smallest size")
  func sizes() async throws {
    let entry = try #require(ModelCatalog.entry(named: "AlexNet_2012"))
    let error = #expect(throws: InputMismatch.self) {
      try entry.make(classes: 10, channels: 3, size: 40)
    }
    #expect(error?.smallestSize == 67)
    #expect("\(error!)".contains("in layer \"pool5\""), "\(error!)")
    let smallest = [
      "lenet5": 16, "lenet5-1998": 16, "digitnet": 16, "fourclassnet": 16, "alexnet": 63,
      "googlenet": 31, "googlenet-2014": 79, "vgg16": 32, "resnet50": 1, "densenet121": 29,
      "squeezenet1-1": 25, "allconv": 9, "mlp": 1, "resnet20-cifar": 1,
    ]
    for (name, size) in smallest {
      let entry = try #require(ModelCatalog.entry(named: name))
      // Nothing is said of a net that takes a single pixel.
      var found: Int? = 1
      do {
        _ = try dryRun { try entry.make(classes: 10, channels: 3, size: 1) }
      } catch let mismatch as InputMismatch {
        found = mismatch.smallestSize
      }
      #expect(found == size, "\(name): the smallest size is \(found ?? 0)")
    }
    await #expect(processExitsWith: .failure) { _ = AlexNet2012(size: 40) }
  }

  @Test("names: case and underscores do not matter, slips are understood")
  func names() {
    #expect(ModelCatalog.entry(named: "ResNet18")?.name == "resnet18")
    #expect(ModelCatalog.entry(named: "lenet5_1998")?.name == "lenet5-1998")
    #expect(ModelCatalog.entry(named: "resnet19") == nil)
    #expect(ModelCatalog.suggestion(for: "resnet_110_cifa") == "resnet110-cifar")
    #expect(ModelCatalog.suggestion(for: "transformer") == nil)
    #expect(Set(ModelCatalog.entries.map(\.name)).count == ModelCatalog.entries.count)
  }
}

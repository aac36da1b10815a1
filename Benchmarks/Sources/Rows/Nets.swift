import Tapestry

/// Forward, loss, backward, SGD with momentum, on random images.
func trainingStep(
  _ name: String, batch: Int, channels: Int = 3, size: Int = 224, classes: Int = 1000,
  repeats: Int? = 5, _ make: @escaping @Sendable () -> any Model
) -> Row {
  Row(name: "\(name) step, batch \(batch)", repeats: repeats) {
    let net = make()
    let images = Tensor.uniform([batch, channels, size, size])
    let labels = Tensor(integers: (0..<batch).map { $0 % classes })
    let optimizer = SGD(net, learningRate: 1e-3, momentum: 0.9)
    return {
      let loss = softmaxCrossEntropy(net(images), labels: labels)
      optimizer.update(along: loss.gradients())
    }
  }
}

func forwardPass(_ name: String, batch: Int, _ make: @escaping @Sendable () -> any Model) -> Row {
  Row(name: "\(name) inference, batch \(batch)", repeats: 9) {
    let net = make()
    let images = Tensor.uniform([batch, 3, 224, 224])
    return { inference { _ = net(images) } }
  }
}

let imageNets: [(name: String, batch: Int, make: @Sendable () -> any Model)] = [
  ("alexnet", 32, { AlexNet() }),
  ("resnet18", 8, { ResNet(.resNet18) }),
  ("resnet50", 8, { ResNet(.resNet50) }),
  ("vgg16", 8, { VGG(.vgg16) }),
  ("googlenet", 8, { GoogLeNet() }),
  ("densenet121", 8, { DenseNet(.denseNet121) }),
]

let netRows =
  [1, 64, 256].map { batch in
    trainingStep(
      "digit net", batch: batch, channels: 1, size: 32, classes: 10, repeats: nil
    ) { DigitNet() }
  } + [
    trainingStep("lenet5", batch: 64, channels: 1, size: 32, classes: 10, repeats: nil) {
      LeNet5()
    }
  ] + imageNets.map { trainingStep($0.name, batch: $0.batch, $0.make) }
  + imageNets.flatMap { net in
    [1, 8].map { forwardPass(net.name, batch: $0, net.make) }
  }

import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// A copy of a zoo net with few channels and classes, and an image that it takes.
struct NarrowNet: Sendable, CustomTestStringConvertible {
  static let classes = 5

  let name: String
  let image: [Int]
  let make: @Sendable () -> any Model

  var testDescription: String { name }

  init(_ name: String, _ channels: Int, _ side: Int, _ make: @escaping @Sendable () -> any Model) {
    self.name = name
    image = [channels, side, side]
    self.make = make
  }

  /// What training lowers: softmax cross entropy, with that of auxiliary heads.
  static func loss(_ net: any Model, _ input: Tensor, _ labels: Tensor) -> Tensor {
    if let net = net as? any AuxiliaryModel { return net.loss(of: input, labels: labels) }
    return softmaxCrossEntropy(net(input), labels: labels)
  }

  /// Every net of the catalog.
  static let all: [NarrowNet] = small + large

  private static let small = [
    NarrowNet("lenet5", 1, 20) { LeNet5(classes: classes, size: 20) },
    NarrowNet("lenet5-1998", 1, 20) { LeNet5Original(classes: classes, size: 20) },
    NarrowNet("digitnet", 1, 20) { DigitNet(classes: classes, size: 20) },
    NarrowNet("fourclassnet", 3, 20) { FourClassNet(classes: classes, size: 20) },
    NarrowNet("mlp", 1, 6) { MLP(classes: classes, size: 6, hidden: [8, 6]) },
    NarrowNet("allconv", 3, 13) {
      AllConvNet(classes: classes, inputDropout: 0, dropout: 0, width: 1.0 / 16)
    },
  ]

  private static let large: [NarrowNet] =
    [
      NarrowNet("alexnet", 3, 67) { AlexNet(classes: classes, dropout: 0, width: 1.0 / 16) },
      NarrowNet("alexnet-2012", 3, 67) {
        AlexNet2012(classes: classes, size: 67, dropout: 0, width: 1.0 / 16)
      },
      NarrowNet("zfnet", 3, 67) {
        ZFNet(classes: classes, size: 67, dropout: 0, width: 1.0 / 16)
      },
      NarrowNet("googlenet", 3, 64) {
        GoogLeNet(classes: classes, dropout: 0, headDropout: 0, width: 1.0 / 16)
      },
      NarrowNet("googlenet-aux", 3, 64) {
        GoogLeNet(
          classes: classes, auxiliaryHeads: true, dropout: 0, headDropout: 0, width: 1.0 / 16)
      },
      NarrowNet("googlenet-2014", 3, 80) {
        GoogLeNet2014(classes: classes, size: 80, dropout: 0, headDropout: 0, width: 1.0 / 4)
      },
      NarrowNet("squeezenet1-1", 3, 35) {
        SqueezeNet(classes: classes, dropout: 0, width: 1.0 / 8)
      },
      NarrowNet("vgg16-bn-cifar", 3, 32) {
        VGG(
          .vgg16, batchNorm: true, classes: classes, stem: .cifar, dropout: 0, width: 1.0 / 16)
      },
      NarrowNet("resnet18-cifar", 3, 16) {
        ResNet(.resNet18, classes: classes, stem: .cifar, width: 1.0 / 16)
      },
      NarrowNet("resnet50-cifar", 3, 16) {
        ResNet(.resNet50, classes: classes, stem: .cifar, width: 1.0 / 16)
      },
      NarrowNet("densenet121-cifar", 3, 17) {
        DenseNet(.denseNet121, classes: classes, stem: .cifar, width: 1.0 / 8)
      },
    ]
    + VGG.Depth.allCases.flatMap { depth in
      [false, true].map { batchNorm in
        NarrowNet("vgg\(depth.rawValue)" + (batchNorm ? "-bn" : ""), 3, 64) {
          VGG(depth, batchNorm: batchNorm, classes: classes, dropout: 0, width: 1.0 / 16)
        }
      }
    }
    + ResNet.Depth.allCases.map { depth in
      NarrowNet("resnet\(depth.rawValue)", 3, 35) {
        ResNet(depth, classes: classes, width: 1.0 / 16)
      }
    }
    + DenseNet.Depth.allCases.map { depth in
      NarrowNet("densenet\(depth.rawValue)", 3, 65) {
        DenseNet(depth, classes: classes, width: 1.0 / 16)
      }
    }
    + [20, 32, 44, 56, 110].map { depth in
      NarrowNet("resnet\(depth)-cifar", 3, 10) {
        CIFARResNet(depth: depth, classes: classes, width: 1.0 / 4)
      }
    }
}

import TapestryGraph
import TapestryOps

private let photograph = (channels: 3, height: 224, width: 224)
private let cifar = (channels: 3, height: 32, width: 32)
private let character = (channels: 1, height: 32, width: 32)

extension ModelCatalog {
  static let classic = [
    CatalogEntry(
      name: "lenet5", summary: "LeNet-5, as commonly rebuilt", paper: "LeCun et al. 1998",
      input: character, classes: 10
    ) { LeNet5(classes: $0, channels: $1, size: $2) },
    CatalogEntry(
      name: "lenet5-1998",
      summary: "LeNet-5 with its table of connections and trainable subsampling",
      paper: "LeCun et al. 1998", input: character, classes: 10
    ) { LeNet5Original(classes: $0, channels: $1, size: $2) },
    CatalogEntry(
      name: "digitnet", summary: "the 6-16-120-100-10 net of Harley's visualisation",
      paper: "Harley 2015", input: character, classes: 10
    ) { DigitNet(classes: $0, channels: $1, size: $2) },
    CatalogEntry(
      name: "fourclassnet", summary: "the small net for dog, cat, boat and bird",
      paper: "Karn 2016", input: cifar, classes: 4
    ) { FourClassNet(classes: $0, channels: $1, size: $2) },
  ]

  static let imageNet =
    [
      CatalogEntry(
        name: "alexnet", summary: "AlexNet in one tower, as in torchvision",
        paper: "Krizhevsky 2014", input: photograph, classes: 1000
      ) { classes, channels, _ in AlexNet(classes: classes, channels: channels) },
      CatalogEntry(
        name: "alexnet-2012",
        summary: "AlexNet with two groups, contrast normalisation and overlapping pools",
        paper: "Krizhevsky et al. 2012", input: (3, 227, 227), classes: 1000
      ) { AlexNet2012(classes: $0, channels: $1, size: $2) },
      CatalogEntry(
        name: "zfnet", summary: "AlexNet with smaller filters in its first layers",
        paper: "Zeiler, Fergus 2013", input: photograph, classes: 1000
      ) { ZFNet(classes: $0, channels: $1, size: $2) },
    ]
    + VGG.Depth.allCases.flatMap { [vgg($0), vgg($0, batchNorm: true)] }
    + [
      CatalogEntry(
        name: "googlenet", summary: "GoogLeNet with batch normalisation, as in torchvision",
        paper: "Szegedy et al. 2014", input: photograph, classes: 1000
      ) { classes, channels, _ in GoogLeNet(classes: classes, channels: channels) },
      CatalogEntry(
        name: "googlenet-aux", summary: "the same with its two auxiliary heads",
        paper: "Szegedy et al. 2014", input: photograph, classes: 1000
      ) { classes, channels, _ in
        GoogLeNet(classes: classes, channels: channels, auxiliaryHeads: true)
      },
      CatalogEntry(
        name: "googlenet-2014", summary: "GoogLeNet of the paper with its two auxiliary heads",
        paper: "Szegedy et al. 2014", input: photograph, classes: 1000
      ) { GoogLeNet2014(classes: $0, channels: $1, size: $2) },
    ]

  static let residual =
    ResNet.Depth.allCases.map { depth in
      CatalogEntry(
        name: "resnet\(depth.rawValue)", summary: "residual net of \(depth.rawValue) layers",
        paper: "He et al. 2015", input: photograph, classes: 1000
      ) { classes, channels, _ in ResNet(depth, classes: classes, channels: channels) }
    }

  static let dense =
    DenseNet.Depth.allCases.map { depth in
      CatalogEntry(
        name: "densenet\(depth.rawValue)",
        summary: "densely connected net of \(depth.rawValue) layers",
        paper: "Huang et al. 2016", input: photograph, classes: 1000
      ) { classes, channels, _ in DenseNet(depth, classes: classes, channels: channels) }
    } + [
      CatalogEntry(
        name: "squeezenet1-1", summary: "AlexNet's accuracy with few parameters",
        paper: "Iandola et al. 2016", input: photograph, classes: 1000
      ) { classes, channels, _ in SqueezeNet(classes: classes, channels: channels) }
    ]

  static let small =
    [20, 32, 44, 56, 110].map { depth in
      CatalogEntry(
        name: "resnet\(depth)-cifar", summary: "residual net of \(depth) layers for small images",
        paper: "He et al. 2015", input: cifar, classes: 10
      ) { classes, channels, _ in CIFARResNet(depth: depth, classes: classes, channels: channels) }
    } + [
      CatalogEntry(
        name: "resnet18-cifar", summary: "ResNet-18 with first layers for small images",
        paper: "He et al. 2015", input: cifar, classes: 10
      ) { classes, channels, _ in
        ResNet(.resNet18, classes: classes, channels: channels, stem: .cifar)
      },
      CatalogEntry(
        name: "resnet50-cifar", summary: "ResNet-50 with first layers for small images",
        paper: "He et al. 2015", input: cifar, classes: 10
      ) { classes, channels, _ in
        ResNet(.resNet50, classes: classes, channels: channels, stem: .cifar)
      },
      CatalogEntry(
        name: "densenet121-cifar", summary: "DenseNet-121 with a first layer for small images",
        paper: "Huang et al. 2016", input: cifar, classes: 10
      ) { classes, channels, _ in
        DenseNet(.denseNet121, classes: classes, channels: channels, stem: .cifar)
      },
      CatalogEntry(
        name: "vgg16-bn-cifar", summary: "VGG-16 with batch normalisation for small images",
        paper: "Liu, Deng 2015", input: cifar, classes: 10
      ) { classes, channels, _ in
        VGG(.vgg16, batchNorm: true, classes: classes, channels: channels, stem: .cifar)
      },
      CatalogEntry(
        name: "allconv", summary: "convolutions only, strides instead of pools",
        paper: "Springenberg et al. 2014", input: cifar, classes: 10
      ) { classes, channels, _ in AllConvNet(classes: classes, channels: channels) },
      CatalogEntry(
        name: "mlp", summary: "the baseline: 300 and 100 hidden units, no convolution",
        paper: "LeCun et al. 1998", input: (1, 28, 28), classes: 10
      ) { MLP(classes: $0, channels: $1, size: $2) },
    ]

  private static func vgg(_ depth: VGG.Depth, batchNorm: Bool = false) -> CatalogEntry {
    CatalogEntry(
      name: "vgg\(depth.rawValue)" + (batchNorm ? "-bn" : ""),
      summary: "\(depth.rawValue) layers of 3x3 filters"
        + (batchNorm ? ", with batch normalisation" : ""),
      paper: "Simonyan, Zisserman 2014", input: photograph, classes: 1000
    ) { classes, channels, _ in
      VGG(depth, batchNorm: batchNorm, classes: classes, channels: channels)
    }
  }
}

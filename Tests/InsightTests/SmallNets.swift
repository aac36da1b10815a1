import Tapestry

/// A convolution beside a shortcut.
struct ResidualBlock: Layer {
  let conv1: Conv2d
  let relu = ReLU()
  let conv2: Conv2d
  let origin: LayerOrigin

  init(_ channels: Int, file: StaticString = #fileID, line: UInt = #line) {
    conv1 = Conv2d(channels, channels, kernel: 3, padding: 1)
    conv2 = Conv2d(channels, channels, kernel: 3, padding: 1)
    origin = LayerOrigin(file: file, line: line)
  }

  func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    TapestryOps.relu(input + conv2(relu(conv1(input))))
  }
}

/// A stem, three equal residual blocks, a classifier.
struct SmallResNet: Model {
  let stem = Conv2d(1, 4, kernel: 3, padding: 1)
  let relu = ReLU()
  let blocks = Sequential(ResidualBlock(4), ResidualBlock(4), ResidualBlock(4))
  let fc = Linear(4 * 6 * 6, 3)

  init() { named() }

  func callAsFunction(_ input: Tensor) -> Tensor {
    fc(blocks(relu(stem(input))).flattened(from: 1))
  }
}

/// Two equal branches side by side.
struct ForkedNet: Model {
  let left = Sequential(Conv2d(2, 2, kernel: 1), Conv2d(2, 2, kernel: 1))
  let right = Sequential(Conv2d(2, 2, kernel: 1), Conv2d(2, 2, kernel: 1))

  init() { named() }

  func callAsFunction(_ input: Tensor) -> Tensor {
    concatenate([left(input), right(input)], along: 1)
  }
}

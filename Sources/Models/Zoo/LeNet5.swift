import TapestryGraph
import TapestryOps

/// LeNet-5 as commonly rebuilt: 61,706 parameters at 10 classes.
///
/// `[N, 1, 32, 32]` to logits `[N, classes]`: c1 6@5x5, tanh, 2x2 average, c3 16@5x5 over all six maps, tanh, 2x2
/// average, c5 120@5x5 (a convolution whose output is one pixel), tanh, f6 84, tanh, output.
/// LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section
/// II.B; departures: plain averages, full connections in c3, a linear output with softmax. The net of the paper is
/// ``LeNet5Original``.
///
/// Initialisation: PyTorch's layer default, uniform within ±1 / √fan-in, weights and biases.
public struct LeNet5: Model {
  public let c1: Conv2d
  public let tanh1 = Tanh()
  public let s2 = AveragePool2d(2)
  public let c3 = Conv2d(6, 16, kernel: 5)
  public let tanh3 = Tanh()
  public let s4 = AveragePool2d(2)
  public let c5: Conv2d
  public let tanh5 = Tanh()
  public let f6: Linear
  public let tanh6 = Tanh()
  public let output: Linear

  /// - Parameters:
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 1.
  ///   - size: height and width of the images, which c5 then sees whole. Default 32; the smallest square is 16x16.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 10, channels: Int = 1, size: Pair = 32,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let map = featureShape(
      [Conv2d(channels, 6, kernel: 5), s2, c3, s4], channels: channels, size: size)
    c5 = Conv2d(16, 120, kernel: Pair(height: map?[2] ?? 5, width: map?[3] ?? 5))
    f6 = Linear(120, 84)
    c1 = Conv2d(channels, 6, kernel: 5)
    output = Linear(84, classes)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      LeNet5(classes: classes, channels: channels, size: $0)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = s2(tanh1(c1(input)))
    x = s4(tanh3(c3(x)))
    x = tanh5(c5(x)).flattened(from: 1)
    return output(tanh6(f6(x)))
  }
}

import TapestryGraph
import TapestryOps

/// A net without convolutions, the baseline: 266,610 parameters at 10 classes.
///
/// `[N, 1, 28, 28]` to logits `[N, classes]`: 784 values, 300 and 100 hidden units with ReLU, classes. The sizes are those of
/// LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section
/// III.C.6 (28x28-300-100-10, there with the hyperbolic tangent).
///
/// Initialisation: weights normal of variance 2 / fan-in (He), those of the last layer uniform within ±1 / √fan-in,
/// biases 0.
public struct MLP: Model {
  public let layers: Sequential

  /// - Parameters:
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 1.
  ///   - size: height and width of the images. Default 28.
  ///   - hidden: the units of the hidden layers. Default 300 and 100.
  /// - Precondition: every size is at least 1.
  public init(
    classes: Int = 10, channels: Int = 1, size: Pair = 28, hidden: [Int] = [300, 100],
    file: StaticString = #fileID, line: UInt = #line
  ) {
    var layers: [any Model] = [Flatten()]
    var inputs = channels * size.height * size.width
    for units in hidden {
      layers.append(Linear(inputs, units, initializer: .he(), biasInitializer: .zeros))
      layers.append(ReLU())
      inputs = units
    }
    layers.append(Linear(inputs, classes, biasInitializer: .zeros))
    self.layers = Sequential(layers)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      MLP(classes: classes, channels: channels, size: $0, hidden: hidden)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor { layers(input) }
}

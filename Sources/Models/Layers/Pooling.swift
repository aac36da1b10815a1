import TapestryGraph
import TapestryOps

/// The maximum of every window, per channel. The stride is the window's size unless given.
public struct MaxPool2d: Layer {
  public let window: Pair
  public let stride: Pair
  public let padding: Padding2d
  public let dilation: Pair
  public let ceilMode: Bool
  public let origin: LayerOrigin

  public init(
    _ window: Pair, stride: Pair? = nil, padding: Padding2d = 0, dilation: Pair = 1,
    ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    maxPool2d(
      input, window: window, stride: stride, padding: padding, dilation: dilation,
      ceilMode: ceilMode, file: file, line: line)
  }
}

/// The mean of every window, per channel. The stride is the window's size unless given.
public struct AveragePool2d: Layer {
  public let window: Pair
  public let stride: Pair
  public let padding: Padding2d
  public let ceilMode: Bool
  public let countingPadding: Bool
  public let origin: LayerOrigin

  public init(
    _ window: Pair, stride: Pair? = nil, padding: Padding2d = 0, ceilMode: Bool = false,
    countingPadding: Bool = true, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
    self.ceilMode = ceilMode
    self.countingPadding = countingPadding
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    averagePool2d(
      input, window: window, stride: stride, padding: padding, ceilMode: ceilMode,
      countingPadding: countingPadding, file: file, line: line)
  }
}

/// The sum of every window, per channel. The stride is the window's size unless given.
public struct SumPool2d: Layer {
  public let window: Pair
  public let stride: Pair
  public let padding: Padding2d
  public let ceilMode: Bool
  public let origin: LayerOrigin

  public init(
    _ window: Pair, stride: Pair? = nil, padding: Padding2d = 0, ceilMode: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
    self.ceilMode = ceilMode
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    sumPool2d(
      input, window: window, stride: stride, padding: padding, ceilMode: ceilMode, file: file,
      line: line)
  }
}

/// The means of bins that cover each channel evenly, whatever its size: `[N, C, H, W]` to
/// `[N, C, height, width]`.
public struct AdaptiveAveragePool2d: Layer {
  public let outputSize: Pair
  public let origin: LayerOrigin

  /// - Parameter outputSize: one number or `[height, width]`; 1 averages each channel.
  public init(_ outputSize: Pair, file: StaticString = #fileID, line: UInt = #line) {
    self.outputSize = outputSize
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    adaptiveAveragePool2d(input, outputSize: outputSize, file: file, line: line)
  }
}

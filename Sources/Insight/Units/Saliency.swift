import TapestryGraph
import TapestryModels
import TapestryOps

/// Methods that show which pixels a class depends on.
public enum SaliencyMethod: Sendable, Hashable {
  /// ∂ logit / ∂ pixel. K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", 2013.
  case gradient
  /// The gradient along positive paths only. J. T. Springenberg et al., 2015; see ``SignalRule/guided``.
  case guided
  /// The logit sent back by the transposed net. M. D. Zeiler and R. Fergus, 2013; see ``SignalRule/deconvolution``.
  case deconvolution
  /// (x - x₀) times the mean gradient on the straight line from x₀ to x, at the middles of `steps` equal pieces.
  /// M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", 2017.
  case integratedGradients(steps: Int)
}

/// How much each pixel of an image speaks for a class, with sign: the shape of the image.
///
/// The net runs in inference mode. Integrated gradients add up to the difference of the logits of image and baseline, up
/// to the error of the sum, which falls with the square of `steps`.
/// - Parameters:
///   - model: gives logits `[N, classes]`.
///   - image: `[1, C, H, W]`, as the net takes it.
///   - target: the class.
///   - method: default the gradient.
///   - baseline: the image x₀ of ``SaliencyMethod/integratedGradients(steps:)``. Default: zeros.
/// - Precondition: one image; the class exists; a baseline has the image's shape; at least one step.
public func saliency(
  of model: any Model, image: Tensor, target: Int, method: SaliencyMethod = .gradient,
  baseline: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard image.rank == 4, image.shape[0] == 1 else {
    trap("saliency: an image is [1, C, H, W], not \(image.shape)", file: file, line: line)
  }
  let image = image.detached()
  switch method {
  case .gradient, .guided, .deconvolution:
    let run = ModelRun(model, image, isRecording: true)
    requireLogits(run.output, target, "saliency", file: file, line: line)
    let signal = indicator(run.output.shape, run.output.dtype, at: target)
    if method == .gradient {
      return gradients(of: run.output, withRespectTo: [run.input], cotangent: signal)[run.input]
        ?? .zeros(image.shape, dtype: image.dtype)
    }
    guard let place = run.outputPlace else { return .zeros(image.shape, dtype: image.dtype) }
    return run.project(signal, from: place, by: method == .guided ? .guided : .deconvolution)
  case .integratedGradients(let steps):
    let start = baseline?.detached() ?? .zeros(image.shape, dtype: image.dtype)
    guard start.shape == image.shape, steps > 0 else {
      trap(
        "saliency: the baseline is \(start.shape), the image \(image.shape); steps are \(steps)",
        file: file, line: line)
    }
    return integratedGradients(
      model, from: start, to: image, target: target, steps: steps, file: file, line: line)
  }
}

private func integratedGradients(
  _ model: any Model, from start: Tensor, to image: Tensor, target: Int, steps: Int,
  file: StaticString, line: UInt
) -> Tensor {
  let difference = withoutGradients { image - start }
  var sum = Tensor.zeros(image.shape, dtype: image.dtype)
  for step in 0..<steps {
    let share = (Double(step) + 0.5) / Double(steps)
    let run = ModelRun(
      model, withoutGradients { start + difference * share }, isRecording: true)
    requireLogits(run.output, target, "saliency", file: file, line: line)
    let signal = indicator(run.output.shape, run.output.dtype, at: target)
    let found = gradients(of: run.output, withRespectTo: [run.input], cotangent: signal)
    if let gradient = found[run.input] { sum = withoutGradients { sum + gradient } }
  }
  return withoutGradients { difference * sum / Double(steps) }
}

/// One number per pixel of a map with several channels, the largest magnitude among them: `[H, W]`.
///
/// - Parameter map: `[C, H, W]` or `[1, C, H, W]`.
public func strongestChannel(
  _ map: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard map.rank == 3 || (map.rank == 4 && map.shape[0] == 1) else {
    trap("strongestChannel: a map is [C, H, W], not \(map.shape)", file: file, line: line)
  }
  let (height, width) = (map.shape[map.rank - 2], map.shape[map.rank - 1])
  let values = map.scalars()
  var largest = [Double](repeating: 0, count: height * width)
  for (place, value) in values.enumerated() {
    largest[place % largest.count] = max(largest[place % largest.count], value.magnitude)
  }
  return Tensor(largest, shape: [height, width], dtype: map.dtype)
}

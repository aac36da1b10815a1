import TapestryGraph
import TapestryModels
import TapestryOps

/// Where in an image a net sees a class, at the resolution of a layer: `[H', W']`, at least 0.
///
/// ReLU(Σₖ αₖ Aᵏ) with αₖ the mean of ∂ logit / ∂ Aᵏ over all positions. The net runs in inference mode.
/// R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", 2017.
/// - Parameters:
///   - model: gives logits `[N, classes]`.
///   - image: `[1, C, H, W]`, as the net takes it.
///   - target: the class.
///   - layer: the dotted name of a layer that gives maps, `[1, K, H', W']`; usually the last one that does.
/// - Throws: ``InsightError`` when there is no such layer, or it gives no maps.
public func gradCAM(
  of model: any Model, image: Tensor, target: Int, layer: String,
  file: StaticString = #fileID, line: UInt = #line
) throws(InsightError) -> Tensor {
  let run = ModelRun(model, image.detached(), isRecording: true)
  requireLogits(run.output, target, "gradCAM", file: file, line: line)
  let maps = try run.value(of: layer)
  guard maps.rank == 4 else {
    throw InsightError(
      description: "the layer '\(layer)' gives \(maps.shape), not maps [N, C, H, W]")
  }
  let found = gradients(
    of: run.output, withRespectTo: [maps],
    cotangent: indicator(run.output.shape, run.output.dtype, at: target))
  guard let gradient = found[maps] else {
    return .zeros([maps.shape[2], maps.shape[3]], dtype: maps.dtype)
  }
  return withoutGradients {
    let weights = gradient.mean(along: [2, 3], keepingDimensions: true)
    let sum = (maps.detached() * weights).sum(along: [0, 1])
    return relu(sum)
  }
}

extension Model {
  /// The last layer that gives maps of more than one pixel, which ``gradCAM(of:image:target:layer:file:line:)`` is
  /// usually asked for; `nil` where none does.
  ///
  /// - Parameter shape: of the input, `[N, C, H, W]`.
  public func lastMapLayer(for shape: TensorShape) throws -> String? {
    let trace = try trace(for: shape)
    return trace.steps.last { step in
      let shape = trace.outputShape(of: step)
      return step.layer != nil && shape.rank == 4 && shape[2] * shape[3] > 1
    }?.layer
  }
}

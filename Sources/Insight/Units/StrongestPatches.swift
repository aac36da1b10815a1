import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// An image that a unit answers to strongly, and the part of it that the unit saw.
public struct StrongPatch: Sendable {
  /// The position of the image in its set.
  public let index: Int
  /// The class of the image.
  public let label: Int
  /// The unit's answer.
  public let activation: Double
  /// Where in the channel's map it was.
  public let place: NetUnit.Place
  /// The whole image as the net took it, `[1, C, H, W]`.
  public let image: Tensor
  /// The rows of the image that the answer depends on, within the image.
  public let rows: Range<Int>
  /// The columns of the image that the answer depends on, within the image.
  public let columns: Range<Int>
}

/// The images of a set that a channel answers to most strongly, strongest first, each with the patch that the strongest
/// place of the channel sees.
///
/// The net runs in inference mode over the whole set. An image comes once, with its strongest place.
/// M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2013, figure 2.
/// - Parameters:
///   - unit: without a place, every place of the channel counts.
///   - loader: the images, in the order of the set for ``StrongPatch/index``.
///   - count: how many. Default 9.
/// - Throws: ``InsightError`` when there is no such layer or channel.
public func strongestPatches(
  of unit: NetUnit, in model: any Model, on loader: BatchLoader, count: Int = 9
) throws -> [StrongPatch] {
  var best: [StrongPatch] = []
  var field: ReceptiveField?
  var size = (height: 0, width: 0)
  for batch in loader.epoch(0) {
    let run = ModelRun(model, batch.images, isRecording: false)
    let value = try run.value(of: unit.layer)
    let one = TensorShape([1] + value.shape.dropFirst())
    _ = try unit.weights(in: one, value.dtype)
    let values = value.scalars()
    let labels = batch.labels.integers()
    if field == nil {
      field = try receptiveField(of: unit.layer, in: model, for: batch.images.spec)
      size = (batch.images.shape[2], batch.images.shape[3])
    }
    let floor = best.count == count ? best[best.count - 1].activation : -.infinity
    for (image, index) in batch.indices.enumerated() {
      let place: NetUnit.Place
      let activation: Double
      if value.rank == 4 {
        place =
          unit.place ?? strongestPlace(values, value.shape, image: image, channel: unit.channel)
        let (height, width) = (value.shape[2], value.shape[3])
        activation =
          values[
            ((image * value.shape[1] + unit.channel) * height + place.row) * width + place.column]
      } else {
        place = NetUnit.Place(row: 0, column: 0)
        activation = values[image * value.shape[1] + unit.channel]
      }
      guard activation > floor else { continue }
      let rows = field?.height.pixels(of: place.row) ?? 0..<size.height
      let columns = field?.width.pixels(of: place.column) ?? 0..<size.width
      best.append(
        StrongPatch(
          index: index, label: labels[image], activation: activation, place: place,
          image: withoutGradients { batch.images.sliced(image..<image + 1, along: 0) },
          rows: rows.clamped(to: 0..<size.height), columns: columns.clamped(to: 0..<size.width)))
    }
    // Stable: of equal answers the earlier image stays in front.
    best.sort { $0.activation > $1.activation }
    best = Array(best.prefix(count))
  }
  return best
}

/// The pixels that a unit of a layer depends on.
///
/// - Throws: ``InsightError`` when there is no such layer.
func receptiveField(
  of layer: String, in model: any Model, for images: TensorSpec
) throws -> ReceptiveField? {
  let trace = try model.trace(
    for: TensorShape([1] + images.shape.dropFirst()), dtype: images.dtype)
  let step = trace.steps.last {
    ($0.layer ?? "") == layer || $0.layer?.hasPrefix(layer + ".") == true
  }
  return step.flatMap { trace.receptiveFields()[$0.outputs[0]] }
}

import TapestryGraph
import TapestryModels
import TapestryOps

/// A unit of a net: a channel of a layer, or one place in it.
public struct NetUnit: Sendable, Hashable {
  /// The dotted name of a layer.
  public var layer: String
  /// The channel of its maps, or the output of a dense layer.
  public var channel: Int
  /// The place in the map; `nil` for the whole channel.
  public var place: Place?

  /// A row and a column of a map.
  public struct Place: Sendable, Hashable {
    public var row: Int
    public var column: Int

    public init(row: Int, column: Int) {
      self.row = row
      self.column = column
    }
  }

  public init(layer: String, channel: Int, place: Place? = nil) {
    self.layer = layer
    self.channel = channel
    self.place = place
  }
}

extension NetUnit {
  /// What of a layer's result `[1, C, H, W]` or `[1, C]` is the unit: a weight for each element, the mean for a whole
  /// channel.
  ///
  /// - Throws: ``InsightError`` when the layer has no such channel or place.
  func weights(in shape: TensorShape, _ dtype: DType) throws(InsightError) -> Tensor {
    guard shape.rank == 2 || shape.rank == 4, shape[0] == 1 else {
      throw InsightError(
        description: "the layer '\(layer)' gives \(shape), neither maps nor a vector")
    }
    guard channel >= 0, channel < shape[1] else {
      throw InsightError(
        description: "the layer '\(layer)' has the channels 0 to \(shape[1] - 1), not \(channel)")
    }
    let (height, width) = shape.rank == 4 ? (shape[2], shape[3]) : (1, 1)
    var values = [Double](repeating: 0, count: shape.elementCount)
    let start = channel * height * width
    if let place {
      guard (0..<height).contains(place.row), (0..<width).contains(place.column) else {
        throw InsightError(
          description:
            "the maps of '\(layer)' are \(height) x \(width); there is no row \(place.row), "
            + "column \(place.column)")
      }
      values[start + place.row * width + place.column] = 1
    } else {
      for offset in 0..<height * width { values[start + offset] = 1 / Double(height * width) }
    }
    return Tensor(values, shape: shape, dtype: dtype)
  }
}

/// The pattern of an image that a unit answers to: the unit's value sent back to the pixels, of the shape of the image.
///
/// All other units of the layer are set to zero, then the signal goes back by `rule`.
/// M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2013, section 2.1; with the other
/// rules the gradient of the unit, or its guided variant.
/// - Parameters:
///   - unit: without a place, the strongest place of the channel is taken.
///   - image: `[1, C, H, W]`, as the net takes it.
///   - rule: default deconvolution.
/// - Throws: ``InsightError`` when there is no such layer, channel or place.
public func projection(
  of unit: NetUnit, in model: any Model, image: Tensor, rule: SignalRule = .deconvolution,
  file: StaticString = #fileID, line: UInt = #line
) throws(InsightError) -> Tensor {
  guard image.rank == 4, image.shape[0] == 1 else {
    trap("projection: an image is [1, C, H, W], not \(image.shape)", file: file, line: line)
  }
  let run = ModelRun(model, image.detached(), isRecording: true)
  let place = try run.place(of: unit.layer)
  let value = run.events[place].outputs[0]
  var unit = unit
  _ = try unit.weights(in: value.shape, value.dtype)
  if unit.place == nil, value.rank == 4 {
    unit.place = strongestPlace(value.scalars(), value.shape, image: 0, channel: unit.channel)
  }
  let weights = try unit.weights(in: value.shape, value.dtype)
  let signal = rule == .deconvolution ? withoutGradients { weights * value.detached() } : weights
  return run.project(signal, from: place, by: rule)
}

/// Where a channel of a batch of maps is largest, the first of equals.
func strongestPlace(
  _ values: [Double], _ shape: TensorShape, image: Int, channel: Int
) -> NetUnit.Place {
  let (height, width) = (shape[2], shape[3])
  let start = (image * shape[1] + channel) * height * width
  var best = start
  for place in start..<start + height * width where values[place] > values[best] { best = place }
  return NetUnit.Place(row: (best - start) / width, column: (best - start) % width)
}

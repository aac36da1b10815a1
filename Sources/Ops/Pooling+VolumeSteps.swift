import TapestryGraph

// What pools of volumes share.

/// Volumes `[N, C, D, H, W]` pooled plane by plane, and then along the depth.
struct VolumePool {
  let file: StaticString
  let line: UInt

  /// The pooled volumes and the second results of both steps, where they have some.
  func run(
    _ input: Tensor, planes: some TensorOperation, depth: some TensorOperation
  ) -> (output: Tensor, inPlanes: Tensor?, inDepth: Tensor?) {
    let s = input.shape
    let images = input.reshaped(to: s.slices, file: file, line: line)
    let first = apply(planes, to: Tensors(images), file: file, line: line)
    let (height, width) = (first[0].shape[2], first[0].shape[3])
    let columns = first[0].reshaped(
      to: [s[0], s[1], s[2], height * width], file: file, line: line)
    let second = apply(depth, to: Tensors(columns), file: file, line: line)
    let output = second[0].reshaped(
      to: [s[0], s[1], second[0].shape[2], height, width], file: file, line: line)
    return (output, first.at(1), second.at(1))
  }

  /// The same with the places of the winners.
  func runIndexed(
    _ input: Tensor, planes: some TensorOperation, depth: some TensorOperation
  ) -> (output: Tensor, indices: Tensor) {
    let (output, inPlanes, inDepth) = run(input, planes: planes, depth: depth)
    let plane = input.shape[3] * input.shape[4]
    let places = apply(
      VolumePlaces(plane: plane), to: Tensors(inPlanes!, inDepth!), file: file, line: line)[0]
    return (output, places.reshaped(to: output.shape, file: file, line: line))
  }
}

/// The places of winners in their volumes, from those in the planes `[N, C D, h, w]` and those of the planes' winners
/// along the depth `[N, C, d, h w]`.
struct VolumePlaces: TensorOperation {
  /// The pixels of a plane.
  let plane: Int
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (inPlanes, inDepth) = (inputs.spec(0), inputs.spec(1))
    guard inPlanes.dtype == .int32, inDepth.dtype == .int32, inPlanes.shape.rank == 4,
      inDepth.shape.rank == 4
    else { throw Misuse("needs int32 places in images") }
    return Specs(inDepth)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (inPlanes, inDepth) = (inputs[0], inputs[1])
    let s = inDepth.shape
    let (channels, pixels) = (s[0] * s[1], s[3])
    let depth = inPlanes.count / max(channels * pixels, 1)
    let plane = plane
    return Tensors(
      Tensor(inDepth.spec) { places in
        withMemory(inPlanes, inDepth) { inPlanes, inDepth in
          let rows = inPlanes.assumingMemoryBound(to: Int32.self)
          let winners = inDepth.assumingMemoryBound(to: Int32.self)
          let places = places.assumingMemoryBound(to: Int32.self)
          let outputs = s[2] * pixels
          for channel in 0..<channels {
            for output in 0..<outputs {
              let winner = Int(winners[channel * outputs + output])
              let place = Int(rows[channel * depth * pixels + winner])
              places[channel * outputs + output] = Int32(winner / pixels * plane + place)
            }
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil, nil) }
}

extension SlidingWindow3d {
  /// Refuses volumes that these windows cannot pool, and sizes in between that are none.
  func requirePool(over volume: TensorShape, needsPixels: Bool) throws(Misuse) {
    let place = try placement(in: volume, noun: "window")
    let planes = try volumeSlices(volume)
    _ = try plane.pool(over: planes, needsPixels: needsPixels)
    let pixels = try checkedProduct(
      place.plane.outputHeight, place.plane.outputWidth, "the number of windows in a plane")
    _ = try depth.pool(
      over: try TensorShape(checked: volume[0], volume[1], volume[2], pixels),
      needsPixels: needsPixels)
  }
}

/// The shape `[N, C D, H, W]`.
private func volumeSlices(_ volume: TensorShape) throws(Misuse) -> TensorShape {
  try TensorShape(
    checked: volume[0], try checkedProduct(volume[1], volume[2], "the number of planes"), volume[3],
    volume[4])
}

/// Places in a volume are int32.
func requireVolumePlaces(_ volume: TensorShape) throws(Misuse) {
  let noun = "the number of voxels of a volume, which int32 indices count,"
  let plane = try checkedProduct(volume[3], volume[4], noun)
  try requireSize(try checkedProduct(volume[2], plane, noun), noun)
}

func requireVolumeBins(_ volume: TensorShape, _ size: Triple) throws(Misuse) {
  guard volume.rank == 5 else {
    throw Misuse(
      "the input needs 5 axes, [batch, channels, depth, height, width], not \(volume.rank)")
  }
  guard min(size.depth, size.height, size.width) > 0 else {
    throw Misuse("the output size is at least 1x1x1, not \(size)")
  }
  guard volume[2] > 0, volume[3] > 0, volume[4] > 0 else {
    throw Misuse("the input has no voxels")
  }
  let planes = try volumeSlices(volume)
  _ = try TensorShape(checked: planes[0], planes[1], size.height, size.width)
  _ = try TensorShape(checked: [volume[0], volume[1], size.depth, size.height, size.width])
  _ = try TensorShape(
    checked: volume[0], volume[1], size.depth,
    try checkedProduct(size.height, size.width, "the number of bins in a plane"))
}

/// Whether the rule accepts the input: otherwise what the function has to hand on.
func refusedPool(
  _ name: String, _ input: Tensor, _ file: StaticString, _ line: UInt,
  rule: (TensorShape) throws(Misuse) -> Void
) -> Tensor? {
  refusal(of: name, [("input", input)], file: file, line: line) { () throws(Misuse) in
    try rule(input.shape)
    try requireSameType(Tensors(input))
  }
}

import TapestryGraph

/// A window that slides over a volume: one over the planes and one over the depth, which do not know each other.
struct SlidingWindow3d: Hashable, Sendable {
  var size: Triple
  var stride: Triple = 1
  var padding: Padding3d = 0
  var dilation: Triple = 1
  /// Whether a last window that only partly fits counts (pools alone).
  var isRoundingUp = false

  /// Where the windows lie in a volume of a given size.
  struct Placement {
    var depth: SlidingWindow.Placement
    var plane: SlidingWindow.Placement
  }

  /// The window in each plane.
  var plane: SlidingWindow {
    SlidingWindow(
      size: size.plane, stride: stride.plane, padding: padding.plane, dilation: dilation.plane,
      isRoundingUp: isRoundingUp)
  }

  /// The window along the depth, as that of an image whose rows are planes.
  var depth: SlidingWindow {
    SlidingWindow(
      size: Pair(height: size.depth, width: 1), stride: Pair(height: stride.depth, width: 1),
      padding: padding.plane.isSame
        ? .same : Padding2d(top: padding.front, left: 0, bottom: padding.back, right: 0),
      dilation: Pair(height: dilation.depth, width: 1), isRoundingUp: isRoundingUp)
  }

  /// `3x3x3, stride 2, padding 1`
  var description: String {
    var text = size.description
    if stride != 1 { text += ", stride \(stride.shortDescription)" }
    if padding != 0 { text += ", padding \(padding)" }
    if dilation != 1 { text += ", dilation \(dilation.shortDescription)" }
    if isRoundingUp { text += ", ceil mode" }
    return text
  }

  /// All numbers are sizes of axes.
  func requireSizes() throws(Misuse) {
    let least = min(
      min(size.depth, size.height, size.width), min(stride.depth, stride.height, stride.width),
      min(dilation.depth, dilation.height, dilation.width))
    guard least > 0 else {
      throw Misuse(
        "window, stride and dilation are at least 1; these are \(size), \(stride) and \(dilation)")
    }
    let sides = padding.plane.sides
    guard min(padding.front, padding.back, sides.top, sides.left, sides.bottom, sides.right) >= 0
    else { throw Misuse("padding is at least 0; this is \(padding)") }
    try depth.requireSizes()
    try plane.requireSizes()
  }

  /// The window's places in a volume `[N, C, D, H, W]`, or why it does not fit; `noun` is what the message calls it.
  func placement(in volume: TensorShape, noun: String) throws(Misuse) -> Placement {
    guard volume.rank == 5 else {
      throw Misuse(
        "the input needs 5 axes, [batch, channels, depth, height, width], not \(volume.rank)")
    }
    try requireSizes()
    let extent = depth.extent.height
    let sides = depth.padding.sides
    // In range: three sizes.
    let padded = volume[2] + sides.top + sides.bottom
    guard volume[2] > 0, depth.padding.isSame || padded >= extent else {
      let shown = padded == volume[2] ? "" : ", padded to \(padded)"
      throw Misuse(
        "the \(size) \(noun) does not fit into the input's depth of \(volume[2])\(shown): it spans \(extent)"
      )
    }
    guard padded <= largestSize else {
      throw Misuse("the padded depth would be \(padded), more than \(largestSize)")
    }
    return Placement(
      depth: try depth.placement(height: volume[2], width: 1, noun: noun),
      plane: try plane.placement(height: volume[3], width: volume[4], noun: noun))
  }
}

extension TensorShape {
  /// `[N, C, D, H, W]` as the images `[N, C D, H, W]`.
  ///
  /// - Precondition: a shape rule has accepted that product.
  var slices: [Int] { [self[0], self[1] * self[2], self[3], self[4]] }

  /// `[N, C, D, H, W]` as images `[N, C, D, H W]`, whose rows are the planes.
  var columns: [Int] { [self[0], self[1], self[2], self[3] * self[4]] }
}

import TapestryGraph

/// A window that slides over an image: what convolutions and pools have in common.
struct SlidingWindow: Hashable, Sendable {
  var size: Pair
  var stride: Pair = 1
  var padding: Padding2d = 0
  var dilation: Pair = 1
  /// Whether a last window that only partly fits counts (pools alone).
  var isRoundingUp = false

  /// Where the windows lie on an image of a given size.
  struct Placement: Equatable {
    var outputHeight: Int
    var outputWidth: Int
    var sides: Padding2d.Sides
  }

  /// `3x3`, `5x5, stride 2, padding 1`
  var description: String {
    var text = size.description
    if stride != 1 { text += ", stride \(stride.shortDescription)" }
    if padding != 0 { text += ", padding \(padding)" }
    if dilation != 1 { text += ", dilation \(dilation.shortDescription)" }
    if isRoundingUp { text += ", ceil mode" }
    return text
  }

  /// The rows and columns that a window spans, dilation included.
  ///
  /// - Precondition: ``requireSizes()`` has accepted the window.
  var extent: Pair {
    Pair(
      height: (size.height - 1) * dilation.height + 1, width: (size.width - 1) * dilation.width + 1)
  }

  /// All numbers are sizes of axes, so that sums of some of them and of products of two fit an `Int`.
  func requireSizes() throws(Misuse) {
    guard size.height > 0, size.width > 0, stride.height > 0, stride.width > 0,
      dilation.height > 0, dilation.width > 0
    else {
      throw Misuse(
        "window, stride and dilation are at least 1; these are \(size), \(stride) and \(dilation)")
    }
    let sides = padding.sides
    guard sides.top >= 0, sides.left >= 0, sides.bottom >= 0, sides.right >= 0 else {
      throw Misuse("padding is at least 0; this is \(padding)")
    }
    let largest = max(
      max(size.height, size.width), max(stride.height, stride.width),
      max(dilation.height, dilation.width), max(sides.top, sides.left, sides.bottom, sides.right))
    guard largest <= largestSize else {
      throw Misuse(
        "window, stride, dilation and padding are at most \(largestSize); these are \(size),"
          + " \(stride), \(dilation) and \(padding)")
    }
  }

  /// The window's places on an image, or why it does not fit; `noun` is what the message calls it.
  func placement(height: Int, width: Int, noun: String) throws(Misuse) -> Placement {
    try requireSizes()
    let extent = extent
    var sides = padding.sides
    if padding.isSame {
      (sides.top, sides.bottom) = Self.same(height, extent.height, stride.height)
      (sides.left, sides.right) = Self.same(width, extent.width, stride.width)
    }
    // In range: at most three sizes are added.
    let padded = Pair(
      height: height + sides.top + sides.bottom, width: width + sides.left + sides.right)
    guard height > 0, width > 0, padded.height >= extent.height, padded.width >= extent.width
    else { throw tooLarge(height, width, sides, noun) }
    guard padded.height <= largestSize, padded.width <= largestSize else {
      throw Misuse("the padded input would be \(padded), more than \(largestSize) each way")
    }
    try Self.requireModest(padded, for: Pair(height: height, width: width))
    return Placement(
      outputHeight: count(height, sides.top, sides.bottom, extent.height, stride.height),
      outputWidth: count(width, sides.left, sides.right, extent.width, stride.width), sides: sides)
  }

  /// Kernels may lay out an image with its margins: margins alone may not ask for memory that nobody has.
  static func requireModest(_ padded: Pair, for image: Pair) throws(Misuse) {
    let pixels = try checkedProduct(padded.height, padded.width, "the padded input's size")
    let own = try checkedProduct(image.height, image.width, "the image's size")
    guard pixels <= 1 << 26 || pixels / 4 <= own else {
      throw Misuse(
        "the padded input would be \(padded), more than four times the image and 2^26 pixels")
    }
  }

  /// Total padding for an output of ceil(size / stride), the smaller half first.
  private static func same(_ size: Int, _ extent: Int, _ stride: Int) -> (Int, Int) {
    let output = (size + stride - 1) / stride
    let total = max((output - 1) * stride + extent - size, 0)
    return (total / 2, total - total / 2)
  }

  /// The number of windows along an axis.
  private func count(_ size: Int, _ before: Int, _ after: Int, _ extent: Int, _ stride: Int) -> Int
  {
    let room = size + before + after - extent
    guard isRoundingUp else { return room / stride + 1 }
    let count = (room + stride - 1) / stride + 1
    // A window that would start in the far padding sees nothing of the image.
    return (count - 1) * stride >= size + before ? count - 1 : count
  }

  private func tooLarge(
    _ height: Int, _ width: Int, _ sides: Padding2d.Sides, _ noun: String
  ) -> Misuse {
    let padded = Pair(
      height: height + sides.top + sides.bottom, width: width + sides.left + sides.right)
    let image = Pair(height: height, width: width)
    let smallest = Pair(
      height: max(extent.height - sides.top - sides.bottom, 1),
      width: max(extent.width - sides.left - sides.right, 1))
    return Misuse(
      "the \(size) \(noun)\(extent == size ? "" : ", spanning \(extent) with dilation,") does not fit into the"
        + " \(image) input\(padded == image ? "" : ", padded to \(padded)");"
        + " the smallest input that works is \(smallest)")
  }
}

extension SlidingWindow.Placement {
  /// The stride along an axis with `outputs` places, as the kernels get it. A stride that is never made may be any
  /// number; they need not deal out an image's pixels to that many planes. Small ones stay as they are: the
  /// order of sums may depend on them.
  static func effectiveStride(_ stride: Int, outputs: Int) -> Int {
    outputs == 1 ? min(stride, 16) : stride
  }
}

extension TensorShape {
  /// `[N, C, H, W]`, without the array that a literal makes.
  init(_ batch: Int, _ channels: Int, _ height: Int, _ width: Int) {
    self.init()
    append(batch)
    append(channels)
    append(height)
    append(width)
  }
}

/// What a shape rule worked out before; inside a forward it cannot fail any more.
func accepted<Result>(_ rule: () throws(Misuse) -> Result) -> Result {
  do { return try rule() } catch { trapAtCaller("\(error)") }
}

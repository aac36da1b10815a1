import TapestryFiles
import TapestryGraph
import TapestryOps

/// The window of a convolution or pool, for images with one or two axes besides batch and channels.
private struct ONNXWindow {
  var size: [Int]
  var strides: [Int]
  var dilations: [Int]
  /// Padding before and after each axis.
  var before: [Int]
  var after: [Int]

  /// - Parameter size: of the filters; nil to read the attribute `kernel_shape`.
  init(_ call: ONNXCall, image: TensorShape, size given: [Int]? = nil) throws {
    let rank = image.rank - 2
    guard rank == 1 || rank == 2 else {
      guard rank <= 0 else { throw ONNXUnsupported("windows over \(rank) axes") }
      throw Misuse("the input needs 3 or 4 axes, not \(image.rank)")
    }
    if let given {
      size = given
    } else {
      guard call.has("kernel_shape") else { throw Misuse("attribute \"kernel_shape\" is missing") }
      size = try call.sizes("kernel_shape", count: rank)
    }
    strides = try call.sizes("strides", count: rank)
    dilations = try call.sizes("dilations", count: rank)
    before = [Int](repeating: 0, count: rank)
    after = before
    switch try call.text("auto_pad", "NOTSET") {
    case "NOTSET":
      let pads = try call.sizes("pads", count: 2 * rank, 0, least: 0)
      before = Array(pads[..<rank])
      after = Array(pads[rank...])
    case "VALID": break
    case let mode where mode == "SAME_UPPER" || mode == "SAME_LOWER":
      for axis in 0..<rank {
        let length = image[axis + 2]
        let outputs = (length + strides[axis] - 1) / strides[axis]
        let total = max((outputs - 1) * strides[axis] + extent(axis) - length, 0)
        before[axis] = mode == "SAME_UPPER" ? total / 2 : total - total / 2
        after[axis] = total - before[axis]
      }
    case let mode: throw Misuse("attribute \"auto_pad\" is \(quoted(mode))")
    }
  }

  /// The elements that a window spans.
  func extent(_ axis: Int) -> Int { (size[axis] - 1) * dilations[axis] + 1 }

  /// The window of a convolution, whose stride is no longer than the image: a longer one gives the same single
  /// output, and would deal the image out to as many planes.
  func limited(to image: TensorShape) -> ONNXWindow {
    var window = self
    for axis in strides.indices {
      let room = image[axis + 2] + before[axis] + after[axis] - extent(axis)
      if room >= 0 { window.strides[axis] = min(strides[axis], room + 1) }
    }
    return window
  }

  /// The bytes of the planes that a convolution deals the image out to; nil beyond all numbers.
  func planeBytes(of image: TensorShape, _ result: Tensor) -> Int? {
    guard !result.isUnknown, strides.contains(where: { $0 > 1 }) else { return 0 }
    var sizes = [image[0], image[1], result.dtype.size]
    for axis in strides.indices {
      sizes.append(size[axis] > 1 ? strides[axis] : 1)
      sizes.append(result.shape[axis + 2] + (extent(axis) - 1) / strides[axis])
    }
    return checkedProduct(of: sizes)
  }

  /// The window over an image that has an axis of one row in front.
  func asPlane(_ isFlat: Bool) -> ONNXWindow {
    guard isFlat else { return self }
    var plane = self
    plane.size.insert(1, at: 0)
    plane.strides.insert(1, at: 0)
    plane.dilations.insert(1, at: 0)
    plane.before.insert(0, at: 0)
    plane.after.insert(0, at: 0)
    return plane
  }

  var padding: Padding2d {
    Padding2d(top: before[0], left: before[1], bottom: after[0], right: after[1])
  }
}

extension [Int] {
  fileprivate var pair: Pair { Pair(height: self[0], width: self[1]) }
}

extension ONNXOperator {
  /// What slides over images.
  static let windows: [String: ONNXOperator] = [
    "Conv": .one(2...3) { call in
      let (x, weight) = (try call.input(0), try call.input(1))
      guard x.rank == weight.rank, x.rank > 2 else {
        throw Misuse("the input has shape \(x.shape), the filters \(weight.shape)")
      }
      let window = try ONNXWindow(call, image: x.shape, size: Array(weight.shape[2...]))
        .limited(to: x.shape)
      let groups = try call.integer("group", 1)
      let bias = call.optional(2)
      let y =
        x.rank == 3
        ? conv1d(
          x, weight, bias: bias, stride: window.strides[0],
          padding: Padding1d(before: window.before[0], after: window.after[0]),
          dilation: window.dilations[0], groups: groups, file: call.file, line: call.line)
        : conv2d(
          x, weight, bias: bias, stride: window.strides.pair, padding: window.padding,
          dilation: window.dilations.pair, groups: groups, file: call.file, line: call.line)
      call.meter?.add(operations: 0, bytes: window.planeBytes(of: x.shape, y))
      return y
    },
    "ConvTranspose": .one(2...3, transposedConvolution),
    "MaxPool": ONNXOperator(1...1, maxPool),
    "AveragePool": .one(1...1, averagePool),
    "LpPool": .one(1...1) { call in
      let (x, isFlat, restore) = try plane(call)
      let window = try ONNXWindow(call, image: call.input(0).shape).asPlane(isFlat)
      guard window.dilations == [1, 1] else { throw ONNXUnsupported("dilations of this pool") }
      let y = lpPool2d(
        x, window: window.size.pair, exponent: Double(try call.integer("p", 2)),
        stride: window.strides.pair, padding: window.padding,
        ceilMode: try call.flag("ceil_mode"), file: call.file, line: call.line)
      call.count(windows: window.size, of: y)
      return restore(y)
    },
    "GlobalAveragePool": .one(1...1) { call in
      let x = try call.input(0)
      return x.mean(along: try pixelAxes(x), keepingDimensions: true)
    },
    "GlobalMaxPool": .one(1...1) { call in
      let x = try call.input(0)
      return x.max(along: try pixelAxes(x), keepingDimensions: true)
    },
    "GlobalLpPool": .one(1...1) { call in
      let (x, order) = (try call.input(0), Double(try call.integer("p", 2)))
      let sum = pow(abs(x), order).sum(along: try pixelAxes(x), keepingDimensions: true)
      return pow(sum, 1 / order)
    },
  ]

  private static func pixelAxes(_ x: Tensor) throws -> [Int] {
    guard x.rank > 2 else { throw Misuse("the input has no pixels: \(x.shape)") }
    return Array(2..<x.rank)
  }

  /// The input as images, whether it had to get an axis for that, and the way back.
  private static func plane(_ call: ONNXCall) throws -> (Tensor, Bool, (Tensor) -> Tensor) {
    let x = try call.input(0)
    guard x.rank == 3 else { return (x, false, { $0 }) }
    return (
      x.expandedDimensions(at: 2), true,
      { $0.isUnknown ? $0 : $0.reshaped(to: [$0.shape[0], $0.shape[1], $0.shape[3]]) }
    )
  }

  private static func maxPool(_ call: ONNXCall) throws -> [Tensor] {
    let (x, isFlat, restore) = try plane(call)
    let window = try ONNXWindow(call, image: call.input(0).shape).asPlane(isFlat)
    let ceilMode = try call.flag("ceil_mode")
    if !call.wants(1) {
      let y = maxPool2d(
        x, window: window.size.pair, stride: window.strides.pair, padding: window.padding,
        dilation: window.dilations.pair, ceilMode: ceilMode, file: call.file, line: call.line)
      call.count(windows: window.size, of: y)
      return [restore(y)]
    }
    guard try call.integer("storage_order") == 0 else {
      throw ONNXUnsupported("places counted column by column (storage_order 1)")
    }
    let (output, places) = maxPool2dWithIndices(
      x, window: window.size.pair, stride: window.strides.pair, padding: window.padding,
      dilation: window.dilations.pair, ceilMode: ceilMode, file: call.file, line: call.line)
    if output.isUnknown { return [output, output] }
    call.count(windows: window.size, of: output)
    // Places are counted through the whole tensor there, in each channel here.
    let pixels = Double(x.shape[2]) * Double(x.shape[3])
    guard let count = checkedProduct(x.shape[0], x.shape[1]) else {
      throw Misuse("there are too many channels in \(x.shape)")
    }
    try call.count(elements: count)
    let numbers =
      isDryRun && count > 1 << 16
      ? Tensor.shape([count], dtype: .int64) : Tensor.range(count, step: pixels, dtype: .int64)
    let planes = numbers.reshaped(to: [x.shape[0], x.shape[1], 1, 1])
    return [restore(output), restore(places.converted(to: .int64) + planes)]
  }

  private static func averagePool(_ call: ONNXCall) throws -> Tensor {
    if let result = try averageAlongOneAxis(call) { return result }
    let (x, isFlat, restore) = try plane(call)
    let window = try ONNXWindow(call, image: call.input(0).shape).asPlane(isFlat)
    let isCounted = try call.flag("count_include_pad")
    let ceilMode = try call.flag("ceil_mode")
    guard window.dilations == [1, 1] else {
      return restore(try dilatedAverage(x, window, isCounted, ceilMode, call))
    }
    let y = averagePool2d(
      x, window: window.size.pair, stride: window.strides.pair, padding: window.padding,
      ceilMode: ceilMode, countingPadding: isCounted, file: call.file, line: call.line)
    call.count(windows: window.size, of: y)
    return restore(y)
  }

  /// A pool over three axes whose windows have an extent along the first alone, or nil for any other: so PyTorch
  /// writes local response normalisation.
  private static func averageAlongOneAxis(_ call: ONNXCall) throws -> Tensor? {
    let x = try call.input(0)
    guard x.rank == 5, try call.text("auto_pad", "NOTSET") == "NOTSET" else { return nil }
    let size = try call.sizes("kernel_shape", count: 3)
    let strides = try call.sizes("strides", count: 3)
    let pads = try call.sizes("pads", count: 6, 0, least: 0)
    let isPlain = try call.sizes("dilations", count: 3) == [1, 1, 1]
    guard isPlain, size[1...] == [1, 1], strides[1...] == [1, 1],
      [1, 2, 4, 5].allSatisfy({ pads[$0] == 0 })
    else { return nil }
    let rows = x.shape[2]
    guard let columns = checkedProduct(x.shape[3], x.shape[4]) else {
      throw Misuse("the image is too large: \(x.shape)")
    }
    let y = averagePool2d(
      x.reshaped(to: [x.shape[0], x.shape[1], rows, columns]), window: [size[0], 1],
      stride: [strides[0], 1], padding: Padding2d(top: pads[0], left: 0, bottom: pads[3], right: 0),
      ceilMode: try call.flag("ceil_mode"),
      countingPadding: try call.flag("count_include_pad"), file: call.file, line: call.line)
    call.count(windows: [size[0]], of: y)
    return y.isUnknown
      ? y : y.reshaped(to: [x.shape[0], x.shape[1], y.shape[2], x.shape[3], x.shape[4]])
  }

  /// The sum of each window by a filter of ones, divided by what the same filter sums of ones.
  private static func dilatedAverage(
    _ x: Tensor, _ given: ONNXWindow, _ isCounted: Bool, _ ceilMode: Bool, _ call: ONNXCall
  ) throws -> Tensor {
    guard x.rank == 4, x.dtype.isFloatingPoint else { throw Misuse("the input is \(x.spec)") }
    var window = given
    // What counts is the image, or the image and its padding; rounding up adds what never counts.
    var counted = [(before: Int, after: Int)](repeating: (0, 0), count: 4)
    for axis in 0..<2 {
      let length = x.shape[axis + 2] + window.before[axis] + window.after[axis]
      if isCounted { counted[axis + 2] = (window.before[axis], window.after[axis]) }
      let room = length - window.extent(axis)
      guard ceilMode, room >= 0 else { continue }
      let outputs = (room + window.strides[axis] - 1) / window.strides[axis]
      let start = outputs * window.strides[axis]
      if start < x.shape[axis + 2] + window.before[axis] {
        window.after[axis] += start - room
      }
    }
    let channels = x.shape[1]
    let ones = call.filled(
      try call.shape([channels, 1, window.size[0], window.size[1]]), 1, x.dtype)
    let sums = conv2d(
      x, ones, stride: window.strides.pair, padding: window.padding,
      dilation: window.dilations.pair, groups: channels, file: call.file, line: call.line)
    let shape = TensorShape([1, 1, x.shape[2], x.shape[3]])
    let image = call.filled(shape, 1, x.dtype).padded(counted, value: 1)
    for axis in 0..<2 where isCounted {
      window.before[axis] = 0
      window.after[axis] -= counted[axis + 2].after
    }
    let filter = call.filled(
      try call.shape([1, 1, window.size[0], window.size[1]]), 1, x.dtype)
    return sums
      / conv2d(
        image, filter, stride: window.strides.pair, padding: window.padding,
        dilation: window.dilations.pair)
  }

  private static func transposedConvolution(_ call: ONNXCall) throws -> Tensor {
    var (x, weight) = (try call.input(0), try call.input(1))
    guard x.rank == weight.rank, x.rank == 3 || x.rank == 4 else {
      guard x.rank <= 4 else { throw ONNXUnsupported("windows over \(x.rank - 2) axes") }
      throw Misuse("the input has shape \(x.shape), the filters \(weight.shape)")
    }
    let rank = x.rank - 2
    var window = try ONNXWindow(call, image: x.shape, size: Array(weight.shape[2...]))
    var added = try call.sizes("output_padding", count: rank, 0, least: 0)
    let mode = try call.text("auto_pad", "NOTSET")
    let wanted = try call.has("output_shape") ? call.integers("output_shape")?.suffix(rank) : nil
    if let wanted, wanted.count < rank {
      throw Misuse("attribute \"output_shape\" is \(Array(wanted)), but needs \(rank) sizes")
    }
    if wanted != nil || mode.hasPrefix("SAME") {
      for axis in 0..<rank {
        let length = x.shape[axis + 2]
        let target = wanted.map { $0[$0.startIndex + axis] } ?? length * window.strides[axis]
        let full = (length - 1) * window.strides[axis] + window.extent(axis) + added[axis]
        guard target > 0, target < 1 << 30 else { throw Misuse("the output would be \(target)") }
        let total = full - target
        // Less than nothing is cut off: something is added.
        if total < 0 { added[axis] -= total }
        window.before[axis] = mode == "SAME_UPPER" ? max(total, 0) / 2 : (max(total, 0) + 1) / 2
        if mode == "NOTSET" || mode == "VALID" { window.before[axis] = max(total, 0) / 2 }
        window.after[axis] = max(total, 0) - window.before[axis]
      }
    }
    for axis in 0..<rank {
      // What is added at the end and cut off there again was never there.
      let both = min(added[axis], window.after[axis])
      added[axis] -= both
      window.after[axis] -= both
      let size =
        (x.shape[axis + 2] - 1) * window.strides[axis] + window.extent(axis) + added[axis]
      guard size < 1 << 30 else { throw Misuse("the output would be \(size) long") }
    }
    if rank == 1 {
      x = x.expandedDimensions(at: 2)
      weight = weight.expandedDimensions(at: 2)
      window = window.asPlane(true)
      added.insert(0, at: 0)
    }
    // Rows that are added beyond the stride lie where no filter reaches: they hold the bias alone.
    let excess = (0..<2).map { max(added[$0] - window.strides[$0] + 1, 0) }
    let bias = call.optional(2)
    var y = convTranspose2d(
      x, weight, bias: excess == [0, 0] ? bias : nil, stride: window.strides.pair,
      padding: window.padding,
      outputPadding: [added[0] - excess[0], added[1] - excess[1]],
      dilation: window.dilations.pair, groups: try call.integer("group", 1), file: call.file,
      line: call.line)
    if y.isUnknown { return y }
    if excess != [0, 0] {
      y = y.padded([(0, 0), (0, 0), (0, excess[0]), (0, excess[1])])
      if let bias { y = y + bias.reshaped(to: [1, bias.count, 1, 1]) }
    }
    return rank == 1 ? y.reshaped(to: [y.shape[0], y.shape[1], y.shape[3]]) : y
  }

  /// Products of matrices.
  static let products: [String: ONNXOperator] = [
    "MatMul": .one(2...2) {
      matmul(try $0.input(0), try $0.input(1), file: $0.file, line: $0.line)
    },
    "Gemm": .one(2...3) { call in
      let (a, b, c) = (try call.input(0), try call.input(1), call.optional(2))
      let (alpha, beta) = (try call.number("alpha", 1), try call.number("beta", 1))
      let (transA, transB) = (try call.flag("transA"), try call.flag("transB"))
      guard a.rank == 2, b.rank == 2 else {
        throw Misuse("needs two matrices, not \(a.shape) and \(b.shape)")
      }
      let isLayer = !transA && transB && alpha == 1 && beta == 1
      if isLayer, c.map({ $0.shape == [b.shape[0]] }) ?? true {
        return linear(a, b, bias: c, file: call.file, line: call.line)
      }
      var y = matmul(
        a, b, transposingA: transA, transposingB: transB, file: call.file, line: call.line)
      if alpha != 1 { y = y * alpha }
      guard let c else { return y }
      return y + (beta == 1 ? c : c * beta)
    },
  ]
}

import CTapestryKernels
import TapestryGraph

// Volumes as images whose channels are the planes that a window along the depth sees: what makes a three-dimensional
// convolution a two-dimensional one.

/// A window's places along the depth.
struct DepthTaps: Hashable, Sendable {
  /// How many planes the window has.
  var taps: Int
  var stride: Int
  var dilation: Int
  var front: Int
  /// How many windows there are.
  var outputs: Int
  /// The depth of the volume.
  var size: Int

  /// The shape `[N outputs, C taps, H, W]` of the images.
  func images(_ volume: TensorShape) throws(Misuse) -> TensorShape {
    try TensorShape(
      checked: try checkedProduct(volume[0], outputs, "the number of images"),
      try checkedProduct(volume[1], taps, "the number of planes in the windows"), volume[3],
      volume[4])
  }

  /// The shape `[N, C, D, H, W]` that has these images.
  func volume(_ images: TensorShape) throws(Misuse) -> TensorShape {
    try TensorShape(
      checked: [images[0] / outputs, images[1] / taps, size, images[2], images[3]])
  }

  func description(_ volume: TensorShape) -> tapestry_depth {
    tapestry_depth(
      samples: Int64(volume[0]), channels: Int64(volume[1]), depth: Int64(size),
      plane: Int64(volume[3] * volume[4]), outputs: Int64(outputs), taps: Int64(taps),
      stride: Int64(stride), dilation: Int64(dilation), front: Int64(front))
  }
}

/// y[n, z, c, p] = x[n, c, z stride + p dilation - front], planes all of them, as images.
struct DepthUnfold: TensorOperation {
  let taps: DepthTaps
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let x = inputs.spec(0).shape
    guard x.rank == 5, x[2] == taps.size else {
      throw Misuse("needs volumes of depth \(taps.size), not \(x)")
    }
    try requireSameType(inputs)
    return Specs(try taps.images(x), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let x = inputs[0]
    var shape = taps.description(x.shape)
    return Tensors(
      Tensor(specs[0]) { y in
        x.withMemory { tapestry_depth_unfold(Int32(x.dtype.size), &shape, $0, y) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(DepthFold(taps: taps), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// The transpose of ``DepthUnfold``: the copies of every plane added up.
struct DepthFold: TensorOperation {
  let taps: DepthTaps
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let images = inputs.spec(0).shape
    guard images.rank == 4, images[0] % taps.outputs == 0, images[1] % taps.taps == 0 else {
      throw Misuse("\(images) are not the images of windows of \(taps.taps) planes")
    }
    try requireSameType(inputs)
    return Specs(try taps.volume(images), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let images = inputs[0]
    var shape = taps.description(specs[0].shape)
    return Tensors(
      Tensor(specs[0]) { x in
        images.withMemory { tapestry_depth_fold(images.dtype.code, &shape, $0, x) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(DepthUnfold(taps: taps), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

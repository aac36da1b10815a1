import CTapestryKernels
import TapestryGraph

/// Maps one after the other along the channels, in memory that is filled part by part: what would otherwise be
/// concatenated, and so copied, after every part. For scopes in which nothing but the result is wanted.
package struct ChannelStack {
  private let memory: UnsafeMutableRawPointer
  private let spec: TensorSpec
  private var filled = 0

  private init(_ memory: UnsafeMutableRawPointer, _ spec: TensorSpec) {
    self.memory = memory
    self.spec = spec
  }

  private var pixels: Int { spec.shape[2] * spec.shape[3] }
  private var imageStride: Int { spec.shape[1] * pixels }
  private var end: UnsafeMutableRawPointer { memory + filled * pixels * spec.dtype.size }

  /// The maps of `first`, `[N, C, H, W]`, and of the parts that `body` appends.
  ///
  /// - Parameter channels: of the result; `body` appends what is missing.
  package static func filled(
    _ first: Tensor, channels: Int, _ body: (inout ChannelStack) -> Void
  ) -> Tensor {
    let shape = first.shape
    let spec = TensorSpec(TensorShape(shape[0], channels, shape[2], shape[3]), first.dtype)
    return Tensor(spec) { memory in
      var stack = ChannelStack(memory, spec)
      let width = shape[1] * stack.pixels
      first.withMemory { first in
        copyRows(
          shape[0], width, spec.dtype.size, memory, stride: stack.imageStride, first, stride: width)
      }
      stack.filled = shape[1]
      body(&stack)
      assert(stack.filled == channels)
    }
  }

  /// relu(normalised(maps so far)), by themselves.
  package func rectified(_ normalization: FixedNormalization) -> Tensor {
    let shape = TensorShape(spec.shape[0], filled, spec.shape[2], spec.shape[3])
    let (factors, numbers) = normalization.affine(nil)
    return Tensor(shape, spec.dtype) { y in
      withMemory(factors, numbers) { factors, numbers in
        tapestry_rectify_channels(
          spec.dtype.code, Int64(shape[0]), Int64(filled), Int64(pixels), memory,
          Int64(imageStride), factors, numbers, y)
      }
    }
  }

  /// Puts the result of a convolution behind the maps so far.
  ///
  /// - Precondition: it has the size and type of the maps, and there is room.
  package mutating func append(_ convolution: FusedConvolution) {
    let shape = convolution.output.shape
    assert(
      convolution.output.dtype == spec.dtype && shape[0] == spec.shape[0]
        && shape[2] == spec.shape[2] && shape[3] == spec.shape[3]
        && filled + shape[1] <= spec.shape[1])
    convolution.run(to: end, imageStride: imageStride)
    filled += shape[1]
  }
}

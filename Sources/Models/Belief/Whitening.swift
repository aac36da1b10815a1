import CTapestryKernels
import TapestryGraph
import TapestryOps

/// Images `[N, C, H, W]` whose fine and coarse structures are equally strong, each image with mean 0 and deviation 1.
///
/// In natural images the amplitude of the frequency f falls as 1 / f, so that everything learnt from pixels is smooth light.
/// This is the filter
///
///     R(f) = f exp(-(f / cutoff)⁴)
///
/// which makes the spectrum flat up to the cutoff and leaves out the corners beyond, mostly noise; what is left are edges and
/// lines. Each channel is filtered by itself, as a convolution with a kernel of 17 x 17 pixels; beyond the border the pixels of
/// the border are repeated. B. Olshausen and D. Field, "Sparse coding with an overcomplete basis set", Vision Research 37, 1997.
///
/// - Parameter cutoff: in cycles per pixel; 0.5 is the finest there is. Default 0.4.
/// - Precondition: four axes, none of them 0; 0 < cutoff.
public func whitened(
  _ images: Tensor, cutoff: Double = 0.4, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard images.rank == 4, images.count > 0, cutoff > 0 else {
    trap(
      "whitened: needs images [N, C, H, W] and a cutoff greater than 0, not \(images.spec) and \(cutoff)",
      file: file, line: line)
  }
  let shape = images.shape
  let reach = 8
  let kernel = Tensor(whiteningKernel(cutoff: cutoff, reach: reach), dtype: images.dtype)
    .reshaped(to: [1, 1, 2 * reach + 1, 2 * reach + 1])
  let planes = images.reshaped(to: [shape[0] * shape[1], 1, shape[2], shape[3]])
  let filtered = conv2d(planes.withRepeatedBorder(reach), kernel).reshaped(to: shape)
  let centred = filtered - filtered.mean(along: 1, 2, 3, keepingDimensions: true)
  let variance = (centred * centred).mean(along: 1, 2, 3, keepingDimensions: true)
  // An image of one colour stays black instead of becoming noise.
  return centred / (sqrt(variance) + 1e-5)
}

/// The inverse Fourier transform of R on a grid of 64 x 64 frequencies, rows and columns -reach ... reach, less its mean.
private func whiteningKernel(cutoff: Double, reach: Int) -> [Double] {
  let count = 64
  let frequencies = (0..<count).map { Double($0 < count / 2 ? $0 : $0 - count) / Double(count) }
  var response: [Double] = []
  for v in frequencies {
    for u in frequencies {
      let f = (u * u + v * v).squareRoot()
      let share = f / cutoff
      response.append(f * tapestry_exp(-share * share * share * share))
    }
  }
  // cos(2π (ux + vy)) = cos cos - sin sin, and the sines cancel: R is even in u and in v.
  let cosines = (0...reach).map { place in
    frequencies.map { tapestry_cos(2 * Double.pi * $0 * Double(place)) }
  }
  var quarter: [[Double]] = []
  for y in 0...reach {
    let rows = (0..<count).map { u in
      (0..<count).reduce(0) { $0 + response[$1 * count + u] * cosines[y][$1] }
    }
    quarter.append(
      (0...reach).map { x in (0..<count).reduce(0) { $0 + rows[$1] * cosines[x][$1] } })
  }
  var kernel: [Double] = []
  for y in -reach...reach { for x in -reach...reach { kernel.append(quarter[abs(y)][abs(x)]) } }
  let mean = kernel.reduce(0, +) / Double(kernel.count)
  return kernel.map { ($0 - mean) / Double(count * count) }
}

extension Tensor {
  /// `[N, C, H, W]` with `count` more rows and columns on each side, copies of the outermost.
  fileprivate func withRepeatedBorder(_ count: Int) -> Tensor {
    var result = self
    for axis in 2...3 {
      var border = Array(result.shape)
      border[axis] = count
      let size = result.shape[axis]
      let first = result.sliced(0..<1, along: axis).broadcast(to: TensorShape(border))
      let last = result.sliced(size - 1..<size, along: axis).broadcast(to: TensorShape(border))
      result = concatenate([first, result, last], along: axis)
    }
    return result
  }
}

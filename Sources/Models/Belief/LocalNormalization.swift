import TapestryGraph
import TapestryOps

/// Images `[N, C, H, W]` less their local mean, divided by their local deviation, each channel by itself: what is left
/// of natural images are edges and texture, without light and contrast.
///
/// Mean and deviation are those under a Gaussian window of 4 radius + 1 pixels; a deviation below the image's mean
/// deviation is taken as that, so that flat areas are not blown up. K. Jarrett et al., "What is the best multi-stage
/// architecture for object recognition?", ICCV 2009, section 2.
///
/// - Parameter radius: deviation of the window in pixels. Default 2.
/// - Precondition: four axes, a radius greater than 0.
public func locallyNormalized(
  _ images: Tensor, radius: Double = 2, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard images.rank == 4, radius > 0 else {
    trap(
      "locallyNormalized: needs images [N, C, H, W] and a radius greater than 0, not \(images.spec) and"
        + " \(radius)", file: file, line: line)
  }
  let (n, c, height, width) = (
    images.shape[0], images.shape[1], images.shape[2], images.shape[3]
  )
  let reach = Int((2 * radius).rounded(.up))
  let places = Tensor((-reach...reach).map(Double.init), dtype: images.dtype)
  let column = exp(places * places * (-0.5 / (radius * radius)))
  let side = 2 * reach + 1
  let window = column.reshaped(to: [1, 1, side, 1]) * column.reshaped(to: [1, 1, 1, side])
  /// Weighted means around each pixel; at the border over what lies inside.
  func smoothed(_ x: Tensor) -> Tensor { conv2d(x, window, padding: Padding2d(reach)) }
  let weights = smoothed(.ones([1, 1, height, width], dtype: images.dtype))
  let planes = images.reshaped(to: [n * c, 1, height, width])
  let centred = planes - smoothed(planes) / weights
  let deviation = sqrt(smoothed(centred * centred) / weights)
  let floor = deviation.mean(along: 1, 2, 3, keepingDimensions: true)
  return (centred / (maximum(deviation, floor) + 1e-6)).reshaped(to: images.shape)
}

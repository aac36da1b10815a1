import Tapestry

/// A convolution without bias, forward and backward. The name says all, so that `compare.py` reads the sizes from it:
/// `conv 3x3 64-192 27, batch 32`, filters, channels in and out, height and width of the image; then `stride 2`,
/// `padding 1`, `groups 64` where they are not 1, 0 and 1. Three channels or fewer are images, whose gradient nobody asks for.
func convolution(
  _ kernel: Int, _ channels: Int, _ filters: Int, _ size: Int, batch: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Row {
  var name = "conv \(kernel)x\(kernel) \(channels)-\(filters) \(size), batch \(batch)"
  if stride != 1 { name += ", stride \(stride)" }
  if padding != 0 { name += ", padding \(padding)" }
  if groups != 1 { name += ", groups \(groups)" }
  return Row(name: name) {
    var input = Tensor.uniform([batch, channels, size, size], from: -1)
    if channels > 3 { input = input.tracked() }
    let weight = Tensor.uniform([filters, channels / groups, kernel, kernel], from: -1).tracked()
    func output() -> Tensor {
      conv2d(
        input, weight, stride: Pair(stride), padding: Padding2d(padding), groups: groups)
    }
    let cotangent = Tensor.uniform(output().shape, from: -1)
    return { _ = output().gradients(cotangent: cotangent) }
  }
}

/// Layers of the nets below; the first seven are the table that the geometric mean is taken of.
let convolutionRows = [
  convolution(3, 192, 384, 13, batch: 32, padding: 1),
  convolution(3, 256, 256, 56, batch: 4, padding: 1),
  convolution(3, 64, 64, 224, batch: 4, padding: 1),
  convolution(1, 256, 64, 56, batch: 8),
  convolution(7, 3, 64, 224, batch: 8, stride: 2, padding: 3),
  convolution(11, 3, 64, 224, batch: 32, stride: 4, padding: 2),
  convolution(5, 1, 6, 32, batch: 64),
  convolution(5, 6, 16, 14, batch: 64),
  convolution(5, 64, 192, 27, batch: 32, padding: 2),
  convolution(3, 128, 128, 56, batch: 8, stride: 2, padding: 1),
  convolution(3, 128, 32, 28, batch: 8, padding: 1),
  convolution(3, 512, 512, 14, batch: 8, padding: 1),
  convolution(3, 512, 512, 7, batch: 8, padding: 1),
  convolution(1, 64, 256, 56, batch: 8),
  convolution(1, 1024, 256, 14, batch: 8),
  convolution(1, 512, 2048, 7, batch: 8),
  convolution(1, 256, 512, 56, batch: 8, stride: 2),
  convolution(3, 64, 64, 56, batch: 8, padding: 1, groups: 64),
]

// The convolution worked by hand: a 3x3 filter slides over a 5x5 image, and every place of the feature
// map is a sum of nine products. Then the same with a stride and with zero-padding.

import Tapestry

warnIfBuiltForDebug()

let image = Tensor([
  [1, 1, 1, 0, 0],
  [0, 1, 1, 1, 0],
  [0, 0, 1, 1, 1],
  [0, 0, 1, 1, 0],
  [0, 1, 1, 0, 0],
])
let filter = Tensor([
  [1, 0, 1],
  [0, 1, 0],
  [1, 0, 1],
])
print("image\n\(image)\nfilter\n\(filter)\n")

// Ops want images [N, C, H, W] and filters [out, in, kH, kW]: here one of each, with one channel.
let images = image.reshaped(to: [1, 1, 5, 5])
let filters = filter.reshaped(to: [1, 1, 3, 3])
let map = conv2d(images, filters)
print("feature map\n\(map.squeezed())\n")

// The window whose top left corner is at row 1, column 2.
let window = image.sliced(1..<4, along: 0).sliced(2..<5, along: 1)
let products = zip(window.integers(), filter.integers()).map { "\($0)·\($1)" }
print("row 1, column 2 = \(products.joined(separator: " + ")) = \((window * filter).sum())\n")

print("stride 2: every second window\n\(conv2d(images, filters, stride: 2).squeezed())\n")
print("padding 1: zeros around the image\n\(conv2d(images, filters, padding: 1).squeezed())")

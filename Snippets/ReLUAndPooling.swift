// The two steps that follow a convolution: ReLU replaces negative pixels by zero, pooling keeps one number
// of each window. Then what their gradients are.

import Tapestry

warnIfBuiltForDebug()

let map = Tensor([
  [1, 1, 2, 4],
  [5, 6, 7, 8],
  [3, 2, -1, -5],
  [1, 2, 3, 4],
])
print("feature map\n\(map)\n")

let rectified = relu(map)
print("ReLU\n\(rectified)\n")

let images = rectified.reshaped(to: [1, 1, 4, 4])
print("2x2 windows, largest\n\(maxPool2d(images, window: 2).squeezed())\n")
print("2x2 windows, mean\n\(averagePool2d(images, window: 2).squeezed())\n")
print("2x2 windows, sum\n\(sumPool2d(images, window: 2).squeezed())\n")

// Only what won its window, and was positive, hears of the error.
let gradientOfPooling = gradient(at: map) { map in
  maxPool2d(relu(map).reshaped(to: [1, 1, 4, 4]), window: 2).sum()
}
print("gradient of the sum of the largest\n\(gradientOfPooling)\n")

let gradientOfReLU = gradient(at: map) { relu($0).sum() }
print("gradient of the sum of the rectified\n\(gradientOfReLU)")

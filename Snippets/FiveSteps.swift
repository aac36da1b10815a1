// Training by backpropagation in five steps, on one picture of a boat. Four classes; the target says
// "boat", and with every update the net agrees a little more.

import Foundation
import Tapestry

warnIfBuiltForDebug()

let classes = ["dog", "cat", "boat", "bird"]
let target = Tensor([[0, 0, 1, 0]])
let drawing = [
  "....#...",
  "...##...",
  "..###...",
  ".####...",
  "....#...",
  "########",
  ".######.",
  "..####..",
]
let pixels = drawing.joined().map { $0 == "#" ? 1.0 : 0.0 }
let image = Tensor(pixels, shape: [1, 1, 8, 8])

// Step 1: filters and weights begin as random numbers.
let convolution = Conv2d(1, 4, kernel: 3)
let output = Linear(4 * 3 * 3, 4)

// Step 2: the forward pass: convolution, ReLU, pooling, fully connected, softmax.
func probabilities(of image: Tensor) -> Tensor {
  let maps = maxPool2d(relu(convolution(image)), window: 2)
  return softmax(output(maps.flattened(from: 1)))
}

print("update  total error  " + classes.map { "   P(\($0))" }.joined())
for update in 0...60 {
  let prediction = probabilities(of: image)

  // Step 3: Total Error = sum of 1/2 (target - output)^2.
  let error = halfSquaredError(prediction, target, reduction: .sum)
  if update % 10 == 0 {
    let columns = zip(classes, prediction.scalars()).map {
      String(repeating: " ", count: $0.count) + String(format: "%6.3f", $1)
    }
    print(String(format: "%6d  %11.4f  ", update, error.item) + columns.joined())
  }

  // Step 4: backpropagation, then a step of gradient descent for every filter and weight.
  let gradients = error.gradients()
  for parameter in convolution.parameters + output.parameters {
    guard let gradient = gradients[parameter] else { continue }
    parameter.value = parameter.value - 0.1 * gradient
  }
  // Step 5: again, with every image of the training set; here there is one.
}

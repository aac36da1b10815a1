// Finding a wrong gradient: ten ops, one of which has a mistake in its backward. The check compares the
// gradient with central differences, then checks every op by itself and names the one at fault and its line.

import Tapestry

warnIfBuiltForDebug()

let image = Tensor.normal([2, 1, 6, 6], dtype: .float64)
let filters = Tensor.normal([3, 1, 3, 3], dtype: .float64)
let weight = Tensor.normal([4, 12], dtype: .float64)

/// x³. Its derivative is 3x²: this backward has forgotten the square.
func cube(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  customOperation("cube", [x], file: file, line: line) { inputs in
    [inputs[0] * inputs[0] * inputs[0]]
  } backward: { inputs, _, cotangents in
    [cotangents[0] * inputs[0] * 3]
  }[0]
}

func loss(of inputs: [Tensor]) -> Tensor {
  let (image, filters, weight) = (inputs[0], inputs[1], inputs[2])
  var x = conv2d(image, filters)
  x = tanh(x)
  x = averagePool2d(x, window: 2)
  x = x.flattened(from: 1)
  x = cube(x)
  x = linear(x, weight)
  x = sigmoid(x)
  x = x * 2
  x = exp(x)
  return x.mean()
}

let report = checkGradients(
  at: [image, filters, weight], names: ["image", "filters", "weight"], of: loss)
print(report)

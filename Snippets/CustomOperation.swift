// An op of your own: as a type, with a shape rule, a forward and a backward, or as a pair of closures.
// Either takes part in everything, and `checkGradients` says whether its gradient is right.

import Tapestry

warnIfBuiltForDebug()

/// y = x sigmoid(x), the swish; y' = s (1 + x (1 - s)) with s = sigmoid(x).
struct Swish: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs[0].dtype.isFloatingPoint else { throw Misuse("needs floating-point numbers") }
    return [inputs[0].spec]
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return [withoutGradients { x * sigmoid(x) }]
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let s = sigmoid(x)
    return [node.cotangent * s * (1 + x * (1 - s))]
  }
}

func swish(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Swish(), to: [x], file: file, line: line)[0]
}

/// y = e^(-x²); y' = -2 x y.
func bell(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  customOperation("bell", [x], file: file, line: line) { inputs in
    [exp(-square(inputs[0]))]
  } backward: { inputs, outputs, cotangents in
    [cotangents[0] * outputs[0] * inputs[0] * -2]
  }[0]
}

let x = Tensor([-2, -1, 0, 1, 2], dtype: .float64)
print("x            \(x)")
print("swish        \(swish(x))")
print("its gradient \(gradient(at: x) { swish($0).sum() })")
print("bell         \(bell(x))")
print("its gradient \(gradient(at: x) { bell($0).sum() })\n")

// First and second derivatives against central differences.
let options = GradientCheckOptions(order: 2)
print("swish: \(checkGradients(of: Swish(), at: [x], options: options).passed ? "right" : "wrong")")
print("bell:  \(checkGradients(at: x, options: options) { bell($0) }.passed ? "right" : "wrong")")

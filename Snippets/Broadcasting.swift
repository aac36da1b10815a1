// Shapes that differ: how an op stretches axes of size 1, what that does to gradients, and how to ask for a
// shape without computing anything.

import Tapestry

warnIfBuiltForDebug()

let table = Tensor([[1, 2, 3], [4, 5, 6]])  // [2, 3]
let row = Tensor([10, 20, 30])  // [3]: as if [1, 3]
let column = Tensor([[100], [200]])  // [2, 1]
print("table + row\n\(table + row)\n")
print("table + column\n\(table + column)\n")

// A vector per channel needs its axes spelled out: shapes are lined up from the right.
let images = Tensor.ones([2, 3, 4, 4])
let gains = Tensor([1, 2, 3]).reshaped(to: [3, 1, 1])
print("images * gains: \((images * gains).shape)\n")

// What was stretched forward is summed backward: a bias hears from every row.
let slope = gradient(at: row) { (table * $0).sum() }
print("gradient of sum(table * row) by row: \(slope)\n")

// A number enters at the tensor's own type; tensors of two types do not mix.
print("table * 0.5 is \((table * 0.5).dtype)\n")

// Shape rules run without computing: no memory, no time, and an error instead of a trap.
let convolution = Conv2d(3, 8, kernel: 5, stride: 2)
print("Conv2d of [1, 3, 32, 32]: \(try dryRun { convolution(.shape([1, 3, 32, 32])) }.shape)")
do {
  _ = try dryRun { convolution(.shape([1, 4, 32, 32])) }
} catch {
  print("Conv2d of [1, 4, 32, 32]: \(error)")
}

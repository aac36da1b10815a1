// Define by run: the graph is whatever the program did. A loop that runs until it has converged and a
// branch on a computed value are differentiated like anything else, each call by its own tape.

import Foundation
import Tapestry

warnIfBuiltForDebug()

/// The square root by Heron's method: how often the loop runs depends on the data.
func squareRoot(_ x: Tensor) -> (root: Tensor, rounds: Int) {
  var root = (x + 1) * 0.5
  var rounds = 0
  while abs((root * root - x).item) > 1e-12 * x.item {
    root = (root + x / root) * 0.5
    rounds += 1
  }
  return (root, rounds)
}

/// √x for x up to 9, and the tangent there beyond: which ops run depends on the data.
func flattened(_ x: Tensor) -> (value: Tensor, description: String) {
  let (root, rounds) = squareRoot(x)
  if root.item > 3 { return (3 + (x - 9) / 6, "\(rounds) rounds, then the tangent") }
  return (root, "\(rounds) rounds")
}

for value in [1.0, 2, 7, 9, 100] {
  let x = Tensor(value, dtype: .float64).tracked()
  let (y, description) = flattened(x)
  let gradient = y.gradients()[x]!.item
  let expected = value > 9 ? 1.0 / 6 : 0.5 / value.squareRoot()
  print(
    String(format: "x %3.0f  y %7.4f  dy/dx %.6f  by hand %.6f", value, y.item, gradient, expected),
    " \(description)")
}

// Derivatives of derivatives: a backward pass is made of ops too, so it can be differentiated again. Newton's
// method walks down Rosenbrock's valley with the matrix of second derivatives.

import Foundation
import Tapestry

warnIfBuiltForDebug()

/// (1 - a)² + 100 (b - a²)², smallest at (1, 1).
func valley(_ x: Tensor) -> Tensor {
  let (a, b) = (x.sliced(0..<1, along: 0), x.sliced(1..<2, along: 0))
  return (square(1 - a) + 100 * square(b - square(a))).sum()
}

var point = Tensor([-1.2, 1], dtype: .float64)
for step in 0...6 {
  let (value, slope) = valueAndGradient(at: point, of: valley)
  let (a, b) = (point.scalars()[0], point.scalars()[1])
  print(String(format: "step %d  point %9.6f %9.6f  value %10.6f", step, a, b, value.item))

  // Solve H d = g, with two unknowns by hand, and step to point - d.
  let (h, g) = (hessian(at: point, of: valley).scalars(), slope.scalars())
  let determinant = h[0] * h[3] - h[1] * h[2]
  let d = [(h[3] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[2] * g[0]) / determinant]
  point = point - Tensor(d, dtype: .float64)
}

// As often as wanted: the derivatives of x⁵ at 2 are 80, 160, 240, 240, 120 and 0.
var derivatives: [(Tensor) -> Tensor] = [{ pow($0, 5) }]
for order in 0..<6 {
  let function = derivatives[order]
  derivatives.append { x in gradient(at: x, of: function) }
}
let values = derivatives.map { "\($0(Tensor(2, dtype: .float64)))" }
print("\nx⁵ at 2, then its derivatives: \(values.joined(separator: ", "))")

import TapestryGraph
import TapestryOps
import Testing

@Suite("Higher orders and forward mode")
struct HigherOrderTests {
  @Test("first to fourth derivative of x⁴ by nesting")
  func nesting() {
    func quartic(_ x: Tensor) -> Tensor { x * x * x * x }
    func first(_ x: Tensor) -> Tensor { gradient(at: x) { quartic($0) } }
    func second(_ x: Tensor) -> Tensor { gradient(at: x) { first($0) } }
    func third(_ x: Tensor) -> Tensor { gradient(at: x) { second($0) } }
    func fourth(_ x: Tensor) -> Tensor { gradient(at: x) { third($0) } }
    let x = Tensor(2, dtype: .float64)
    #expect(first(x).item == 32)
    #expect(second(x).item == 48)
    #expect(third(x).item == 48)
    #expect(fourth(x).item == 24)
  }

  @Test("nested derivatives do not confuse their variables")
  func perturbationConfusion() {
    // d/dx (x · d/dy (x + y) at y = 1) at x = 1 is 1, not 2.
    let result = gradient(at: Tensor(1, dtype: .float64)) { x in
      x * gradient(at: Tensor(1, dtype: .float64)) { y in x + y }
    }
    #expect(result.item == 1)
    // d/dx (x · d/dy (x y) at y = 2) = 2x.
    let product = gradient(at: Tensor(3, dtype: .float64)) { x in
      x * gradient(at: Tensor(2, dtype: .float64), recording: true) { y in x * y }
    }
    #expect(product.item == 6)
  }

  @Test("recording: true keeps a gradient connected to the parameters")
  func gradientPenalty() {
    let weight = Parameter(Tensor(3, dtype: .float64))
    let x = Tensor(2, dtype: .float64)
    let slope = gradient(at: x, recording: true) { $0 * $0 * weight }  // 2 x w = 12
    let penalty = slope * slope  // 4 x² w²
    #expect(slope.item == 12)
    #expect(penalty.gradients()[weight]?.item == 96.0)
  }

  @Test("jvp and vjp agree")
  func jvpAgainstVJP() {
    let a = Tensor([1, -2, 0.5], dtype: .float64)
    let b = Tensor([3, 0.25, -1], dtype: .float64)
    let u = Tensor([0.5, 2, -1], dtype: .float64)
    let v = Tensor([1, -1, 4], dtype: .float64)
    let g = Tensor([0.3, 0.7, -2], dtype: .float64)
    let function: ([Tensor]) -> Tensor = { $0[0] * $0[0] / $0[1] - $0[1] * $0[0] }
    let (value, tangent) = jvp(at: [a, b], along: [u, v], of: function)
    let (sameValue, pullback) = vjp(at: [a, b], of: function)
    let gradients = pullback(g)
    #expect(value.scalars() == sameValue.scalars())
    let forward = zip(tangent.scalars(), g.scalars()).reduce(0) { $0 + $1.0 * $1.1 }
    let backward =
      zip(gradients[0].scalars(), u.scalars()).reduce(0) { $0 + $1.0 * $1.1 }
      + zip(gradients[1].scalars(), v.scalars()).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(forward - backward) < 1e-12)
    #expect(pullback(g)[0].scalars() == gradients[0].scalars())
  }

  @Test("jvp of something that does not depend on the point is zero")
  func constantTangent() {
    let (value, tangent) = jvp(at: [Tensor([1, 2])], along: [Tensor([1, 1])]) { _ in Tensor([5, 6])
    }
    #expect(value.scalars() == [5, 6])
    #expect(tangent.scalars() == [0, 0])
  }

  @Test("Jacobian, Hessian and Hessian-vector product")
  func matrices() {
    let x = Tensor([1, 2, 3], dtype: .float64)
    let diagonal = jacobian(at: x) { $0 * $0 }
    #expect(diagonal.shape == [3, 3])
    #expect(diagonal.scalars() == [2, 0, 0, 0, 4, 0, 0, 0, 6])
    func cubes(_ x: Tensor) -> Tensor { apply(Total(), to: Tensors(x * x * x))[0] }
    #expect(hessian(at: x) { cubes($0) }.scalars() == [6, 0, 0, 0, 12, 0, 0, 0, 18])
    let product = hessianVectorProduct(at: x, along: Tensor([1, 1, 2], dtype: .float64)) {
      cubes($0)
    }
    #expect(product.scalars() == [6, 12, 36])
  }

  @Test("the Hessian of a linear function is zero, not an error")
  func linearHessian() {
    let x = Tensor([1, 2], dtype: .float64)
    #expect(hessian(at: x) { apply(Total(), to: Tensors($0 * 3))[0] }.scalars() == [0, 0, 0, 0])
  }

  @Test("forward over reverse equals reverse over reverse")
  func forwardOverReverse() {
    let x = Tensor([0.5, -1.5], dtype: .float64)
    let v = Tensor([2, 1], dtype: .float64)
    func f(_ x: Tensor) -> Tensor { apply(Total(), to: Tensors(x * x * x / (x * x + 1)))[0] }
    let reverse = hessianVectorProduct(at: x, along: v) { f($0) }.scalars()
    let forward = jvp(at: [x], along: [v]) { p in gradient(at: p[0]) { f($0) } }.tangent.scalars()
    for (a, b) in zip(reverse, forward) { #expect(abs(a - b) < 1e-12) }
  }

  @Test("a chain's default jvp is linear in its length, not quadratic")
  func longForward() {
    let x = Tensor(1, dtype: .float64)
    let (_, tangent) = jvp(at: [x], along: [Tensor(1, dtype: .float64)]) { p in
      var y = p[0]
      for _ in 0..<20_000 { y = apply(SquareAndCube(), to: Tensors(y))[0] * 0.5 + 0.5 }
      return y
    }
    #expect(tangent.item == 1)
  }
}

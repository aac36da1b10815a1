import TapestryGraph
import TapestryOps
import TestSupport
import Testing

@Suite struct ElementwiseEdges {
  private func slope(_ values: [Double], _ function: (Tensor) -> Tensor) -> Tensor {
    gradient(at: Tensor(values, dtype: .float64)) { function($0).sum() }
  }

  @Test("at their corners: the documented choice of gradient")
  func corners() {
    expectClose(slope([-1, 0, 1]) { relu($0) }, [0, 0, 1])
    expectClose(slope([-1, 0, 1]) { abs($0) }, [-1, 0, 1])
    expectClose(slope([-1, 0, 1]) { leakyRelu($0, slope: 0.1) }, [0.1, 0.1, 1])
    expectClose(slope([-1, -0.5, 0, 0.5, 1]) { clip($0, min: -0.5, max: 0.5) }, [0, 1, 1, 1, 0])
    expectClose(slope([-1, 0, 1]) { sign($0) }, [0, 0, 0])
    expectClose(slope([0, 4]) { sqrt($0) }, [.infinity, 0.25])
    expectClose(slope([0, -2]) { pow($0, 2) }, [0, -4])
    expectClose(slope([0, 3]) { pow($0, 1) }, [1, 1])
    expectClose(slope([0, 3]) { pow($0, 0) }, [0, 0])
  }

  @Test("a tie of maximum and minimum shares the gradient, broadcast or not")
  func ties() {
    let a = Tensor([1, 2, 3], dtype: .float64).tracked()
    let b = Tensor([2], dtype: .float64).tracked()
    let high = maximum(a, b).sum().gradients()
    expectClose(high[a]!, [0, 0.5, 1])
    expectClose(high[b]!, [1.5])
    let low = minimum(a, b).sum().gradients()
    expectClose(low[a]!, [1, 0.5, 0])
    expectClose(low[b]!, [1.5])
    let same = maximum(a, a).sum().gradients()
    expectClose(same[a]!, [1, 1, 1])
  }

  @Test("a power of tensors at 0 and with exponent 0 has a finite gradient")
  func powersAtZero() {
    let a = Tensor([0, 0, 2], dtype: .float64).tracked()
    let b = Tensor([0, 3, 0], dtype: .float64).tracked()
    let y = pow(a, b)
    expectClose(y, [1, 0, 1])
    let gradients = y.sum().gradients()
    expectClose(gradients[a]!, [0, 0, 0])
    expectClose(gradients[b]!, [0, 0, 0.693_147_180_559_945_3])
  }

  @Test("NaN passes through every function")
  func nan() {
    let functions: [(Tensor) -> Tensor] = [
      { exp($0) }, { log($0) }, { sqrt($0) }, { square($0) }, { abs($0) }, { sin($0) },
      { cos($0) }, { erf($0) }, { expm1($0) }, { log1p($0) }, { pow($0, 2) }, { pow($0, 0.5) },
      { clip($0, min: 0, max: 1) }, { relu($0) }, { sigmoid($0) }, { tanh($0) }, { gelu($0) },
      { leakyRelu($0) }, { elu($0) }, { softplus($0) }, { maximum($0, Tensor(0, dtype: $0.dtype)) },
      { minimum(Tensor(0, dtype: $0.dtype), $0) }, { sign($0) },
    ]
    for (index, function) in functions.enumerated() {
      #expect(function(Tensor([.nan])).item.isNaN, "function \(index)")
      #expect(function(Tensor([Double.nan], dtype: .float64)).item.isNaN, "function \(index)")
      #expect(function(Tensor.zeros([0, 2])).shape == [0, 2])
    }
  }

  @Test("huge and infinite values saturate instead of becoming NaN, with their gradients")
  func saturation() {
    let x = [-.infinity, -1e4, 1e4, .infinity]
    for dtype in [DType.float32, .float64] {
      let x = Tensor(x, dtype: dtype)
      expectClose(sigmoid(x), [0, 0, 1, 1])
      expectClose(tanh(x), [-1, -1, 1, 1])
      expectClose(softplus(x), [0, 0, 1e4, .infinity])
      expectClose(elu(x), [-1, -1, 1e4, .infinity])
      expectClose(relu(x), [0, 0, 1e4, .infinity])
      expectClose(clip(x, min: -1, max: 2), [-1, -1, 2, 2])
      expectClose(exp(x), [0, 0, .infinity, .infinity])
      expectClose(erf(x), [-1, -1, 1, 1])
    }
    expectClose(slope(x) { sigmoid($0) }, [0, 0, 0, 0])
    expectClose(slope(x) { tanh($0) }, [0, 0, 0, 0])
    expectClose(slope(x) { softplus($0) }, [0, 0, 1, 1])
    expectClose(slope(x) { elu($0) }, [0, 0, 1, 1])
    expectClose(slope([-1e4, 1e4]) { gelu($0) }, [0, 1])
  }

  @Test("a NaN in the branch not taken stays out, forward, backward and twice")
  func selection() {
    let x = Tensor([-1, 4], dtype: .float64)
    func safeRoot(_ x: Tensor) -> Tensor { select(where: x .> 0, sqrt(x), else: x * 0) }
    expectClose(safeRoot(x), [0, 2])
    let a = Tensor([.nan, 1], dtype: .float64).tracked()
    let b = Tensor([2, .nan], dtype: .float64).tracked()
    let y = select(where: Tensor([0, 1]) .> 0, a, else: b)
    expectClose(y, [2, 1])
    let gradients = square(y).sum().gradients()
    expectClose(gradients[a]!, [0, 2])
    expectClose(gradients[b]!, [4, 0])
    let infinite = select(where: Tensor([0, 1]) .> 0, a, else: b)
      .gradients(cotangent: Tensor([.infinity, .nan], dtype: .float64))
    expectClose(infinite[a]!, [0, .nan], equatingNaN: true)
    expectClose(infinite[b]!, [.infinity, 0])
  }

  @Test("comparisons: NaN equals nothing; numbers are rounded to the tensor's type; no gradient")
  func comparisons() {
    let x = Tensor([.nan, 0.1, 1])
    #expect((x .== x).scalars() == [0, 1, 1])
    #expect((x .!= x).scalars() == [1, 0, 0])
    #expect((x .== 0.1).scalars() == [0, 1, 0])
    #expect((x .>= 0.1).scalars() == [0, 1, 1])
    #expect((Tensor(integers: [1, 2]) .< Tensor(integers: [2])).scalars() == [1, 0])
    #expect((x .< Tensor.zeros([2, 1])).shape == [2, 3])
    #expect(!(x.tracked() .> 0).isTracked)
    #expect((x .> 0).dtype == .bool)
  }
}

@Suite struct ConversionEdges {
  @Test("converted to and fro, with the gradient in the type it came from")
  func gradients() {
    let x = Tensor([0.1, 2], dtype: .float64).tracked()
    let y = x.converted(to: .float32)
    #expect(y.dtype == .float32)
    #expect(y.scalars(as: Float.self) == [0.1, 2])
    let gradient = (y * 3).gradients(cotangent: .ones([2]))[x]!
    expectClose(gradient, Tensor([3, 3], dtype: .float64))
    #expect(x.converted(to: .float64) === x)
  }

  @Test("to integers truncated and saturated, NaN gives 0; masks are 0 and 1")
  func integers() {
    let x = Tensor([-1.7, 1.7, .nan, 1e30, -.infinity])
    #expect(x.converted(to: .int32).integers() == [-1, 1, 0, Int(Int32.max), Int(Int32.min)])
    #expect(x.converted(to: .int64).integers() == [-1, 1, 0, .max, .min])
    #expect(Tensor([0, 0.5, .nan]).converted(to: .bool).scalars() == [0, 1, 1])
    #expect((Tensor([1, -1]) .> 0).converted(to: .float32).scalars() == [1, 0])
    #expect(!x.tracked().converted(to: .int64).isTracked)
  }

  @Test("a parameter converts to its substitute's type")
  func parameters() {
    let weight = Parameter(Tensor([1, 2]))
    let gradient = weight.converted(to: .float64).sum().gradients()[weight]!
    expectClose(gradient, Tensor([1, 1]))
  }
}

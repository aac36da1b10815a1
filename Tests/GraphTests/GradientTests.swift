import Synchronization
import TapestryGraph
import TapestryOps
import Testing

@Suite("Gradients")
struct GradientTests {
  @Test("a polynomial's gradient at a parameter")
  func polynomial() {
    let x = Parameter(Tensor(3, dtype: .float64))
    let y = x * x * x + x * 2
    #expect(y.item == 33)
    #expect(y.gradients()[x]?.item == 29)
  }

  @Test("an operand used twice gets the sum of both paths")
  func usedTwice() {
    let x = Tensor([2, 3], dtype: .float64).tracked()
    let gradients = gradients(
      of: x * x, withRespectTo: [x], cotangent: Tensor([1, 10], dtype: .float64))
    #expect(gradients[x]?.scalars() == [4, 60])
  }

  @Test("subtraction and division: each operand has its own sign")
  func subtractionAndDivision() {
    let a = Tensor(6, dtype: .float64).tracked()
    let b = Tensor(2, dtype: .float64).tracked()
    let difference = (a - b).gradients()
    #expect(difference[a]?.item == 1)
    #expect(difference[b]?.item == -1)
    let quotient = (a / b).gradients()
    #expect(quotient[a]?.item == 0.5)
    #expect(quotient[b]?.item == -1.5)
  }

  @Test("broadcast operands get gradients of their own shape")
  func broadcasting() {
    let row = Tensor([1, 2, 3], dtype: .float64).tracked()
    let matrix = Tensor([[1, 2, 3], [4, 5, 6]], dtype: .float64).tracked()
    let seed = Tensor.ones([2, 3], dtype: .float64)
    let result = gradients(of: matrix * row, withRespectTo: [row, matrix], cotangent: seed)
    #expect(result[row]?.scalars() == [5, 7, 9])
    #expect(result[matrix]?.scalars() == [1, 2, 3, 1, 2, 3])
  }

  @Test("gradients of an intermediate tensor, and of what it was computed from")
  func intermediate() {
    let x = Tensor(2, dtype: .float64).tracked()
    let middle = x * 3
    let y = middle * middle
    let result = gradients(of: y, withRespectTo: [middle, x])
    #expect(result[middle]?.item == 12)
    #expect(result[x]?.item == 36)
    #expect(result.count == 2)
  }

  @Test("only the path to the targets is differentiated")
  func pruning() {
    let x = Tensor(2, dtype: .float64).tracked()
    let counter = BackwardCounter()
    let old = apply(Counted(counter: counter), to: Tensors(x))[0]
    let middle = (old * 1).tracked()
    let y = middle * middle
    _ = gradients(of: y, withRespectTo: [middle])
    #expect(counter.count == 0)
  }

  @Test("a parameter keeps the value that a graph was computed from")
  func valueSemantics() {
    let weight = Parameter(Tensor(2, dtype: .float64), name: "weight")
    let y = weight * weight
    weight.value = Tensor(100, dtype: .float64)
    #expect(y.gradients()[weight]?.item == 4)
    #expect(weight.value.item == 100)
  }

  @Test("one tensor feeding two losses: retained, then released")
  func twoLosses() {
    let x = Parameter(Tensor(3, dtype: .float64))
    let shared = x * x
    let first = shared * 2
    let second = shared * 5
    let a = first.gradients(retaining: true)
    let b = second.gradients()
    #expect(a[x]?.item == 12)
    #expect(b[x]?.item == 30)
    #expect((a + b)[x]?.item == 42)
  }

  @Test("gradients come in the order in which parameters were made, and unreached ones are absent")
  func order() {
    let first = Parameter(Tensor(1), name: "first")
    let unused = Parameter(Tensor(1), name: "unused")
    let second = Parameter(Tensor(2), name: "second")
    let result = (second * first).gradients()
    #expect(result.tensors.map(\.item) == [2, 1])
    #expect(result[unused] == nil)
    #expect(result.unreached(among: [first, unused, second]).map(\.name) == ["unused"])
  }

  @Test("sums of gradients keep what only one side has")
  func sums() {
    let a = Parameter(Tensor(1))
    let b = Parameter(Tensor(2))
    let total = (a * 3).gradients() + (b * 5).gradients() + (a * b).gradients()
    #expect(total[a]?.item == 5)
    #expect(total[b]?.item == 6)
    #expect((Gradients() + total).count == 2)
  }

  @Test("no recording inside withoutGradients and inference; again inside recordingGradients")
  func scopes() {
    let x = Parameter(Tensor(1))
    #expect((x * 2).isTracked)
    #expect(!withoutGradients { x * 2 }.isTracked)
    #expect(!inference { x * 2 }.isTracked)
    #expect(withoutGradients { recordingGradients { x * 2 } }.isTracked)
    #expect(isTraining)
    #expect(!inference { isTraining })
    #expect(inference { training { isTraining } })
  }

  @Test("detached values carry no gradient")
  func detached() {
    let x = Parameter(Tensor(3, dtype: .float64))
    let y = x * x.detached()
    #expect(y.gradients()[x]?.item == 3)
  }

  @Test("a loop and a branch that depend on values")
  func controlFlow() {
    func power(_ x: Tensor, _ n: Int) -> Tensor {
      var y = x
      for _ in 1..<n { y = y * x }
      return y.item > 100 ? y * 2 : y
    }
    #expect(gradient(at: Tensor(2, dtype: .float64)) { power($0, 5) }.item == 80)
    #expect(gradient(at: Tensor(3, dtype: .float64)) { power($0, 5) }.item == 2 * 405)
  }

  @Test("several outputs of one op carry their own cotangents")
  func severalOutputs() {
    let x = Tensor(3, dtype: .float64).tracked()
    let outputs = apply(SquareAndCube(), to: Tensors(x))
    let result = gradients(
      of: [outputs[0], outputs[1]], withRespectTo: [x],
      cotangents: [Tensor(1, dtype: .float64), Tensor(10, dtype: .float64)])
    #expect(result[x]?.item == 276.0)
    let again = apply(SquareAndCube(), to: Tensors(x))
    #expect(gradients(of: again[1], withRespectTo: [x])[x]?.item == 27)
  }
}

/// (x², x³), with a backward that accepts a missing cotangent.
struct SquareAndCube: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    [inputs[0].spec, inputs[0].spec]
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return withoutGradients { [x * x, x * x * x] }
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    var sum: Tensor?
    if let g = node.cotangent(0) { sum = g * x * 2 }
    if let g = node.cotangent(1) {
      let part = g * x * x * 3
      sum = sum.map { $0 + part } ?? part
    }
    return Tensors(sum)
  }
}

final class BackwardCounter: Sendable {
  private let total = Mutex(0)
  var count: Int { total.withLock { $0 } }
  func increment() { total.withLock { $0 += 1 } }
}

/// y = x, counting the calls of its backward.
struct Counted: TensorOperation {
  let counter: BackwardCounter
  var keeps: Kept { .nothing }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return withoutGradients { [x * 1] }
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    counter.increment()
    return [node.cotangent]
  }
}

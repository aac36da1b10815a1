import TapestryGraph
import TapestryOptim
import Testing

/// y = Σ (x - 0.3)², which keeps its input.
private struct Bowl: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs([], inputs[0].dtype)
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let sum = inputs[0].scalars().reduce(0) { $0 + ($1 - 0.3) * ($1 - 0.3) }
    return [Tensor(sum, dtype: inputs[0].dtype)]
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, g) = (node.input(0), node.cotangent.item)
    return [Tensor(x.scalars().map { 2 * g * ($0 - 0.3) }, shape: x.shape, dtype: x.dtype)]
  }
}

private func bowl(_ x: Tensor) -> Tensor { apply(Bowl(), to: [x])[0] }

/// Steps along the gradients of a recorded graph.
@Suite struct TrainingStepTests {
  private func address(_ parameter: Parameter) -> Int {
    parameter.value.readingMemory { Int(bitPattern: $0) }
  }

  @Test("after a releasing backward pass a step writes in place", arguments: OptimizerKind.all)
  func inPlace(kind: OptimizerKind) {
    let parameter = Parameter(.ones([1000]), name: "weight")
    let optimizer = kind.make([parameter])
    let start = address(parameter)
    for _ in 0..<5 {
      let loss = bowl(parameter)
      optimizer.update(along: loss.gradients())
      #expect(address(parameter) == start)
    }
    #expect(parameter.value.scalars()[0] != 1)
  }

  @Test("a graph that is kept keeps the values it was computed from", arguments: OptimizerKind.all)
  func keptGraph(kind: OptimizerKind) {
    let parameter = Parameter(.ones([1000]), name: "weight")
    let optimizer = kind.make([parameter])
    let loss = bowl(parameter)
    let first = loss.gradients(retaining: true)
    let gradient = first[parameter]!.scalars()
    optimizer.update(along: first)
    #expect(parameter.value.scalars()[0] != 1)
    #expect(loss.gradients()[parameter]!.scalars() == gradient)
  }

  @Test("a float32 parameter steps as float32 while a float64 stands in for it")
  func underSubstitution() {
    let parameter = Parameter(.ones([3]), name: "weight")
    let optimizer = SGD([parameter], learningRate: 0.5)
    let gradients = bowl(parameter).gradients()
    substituting([(parameter, .zeros([3], dtype: .float64))]) {
      optimizer.update(along: gradients)
    }
    #expect(parameter.value.dtype == .float32)
    for value in parameter.value.scalars() { #expect(abs(value - 0.3) < 1e-6) }
  }
}

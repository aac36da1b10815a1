import Foundation
import TapestryGraph

// Ops for tests of the engine: elementwise, slow, and some of them wrong on purpose.

/// y = f(x), elementwise.
func mapped(_ x: Tensor, _ transform: (Double) -> Double) -> Tensor {
  Tensor(x.scalars().map(transform), shape: x.shape, dtype: x.dtype)
}

/// y = a b for equal shapes.
struct Times: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs[0].spec == inputs[1].spec else { throw Misuse("the factors differ in shape") }
    return [inputs[0].spec]
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let products = zip(inputs[0].scalars(), inputs[1].scalars()).map { $0 * $1 }
    return [Tensor(products, shape: inputs[0].shape, dtype: inputs[0].dtype)]
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    [times(node.cotangent, node.input(1)), times(node.cotangent, node.input(0))]
  }
}

/// y = factor x. A fault is planted by claiming another factor in the backward.
struct Scale: TensorOperation {
  let factor: Double
  var claimedFactor: Double?
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors { [mapped(inputs[0]) { factor * $0 }] }
  func backward(_ node: borrowing Differential) -> Tensors {
    [scale(node.cotangent, claimedFactor ?? factor)]
  }
}

/// y = sin x, or cos x. With a fault the derivative of the cosine has the wrong sign.
struct Sine: TensorOperation {
  var isCosine = false
  var isFaulty = false

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    [mapped(inputs[0]) { isCosine ? cos($0) : sin($0) }]
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let other = Sine(isCosine: !isCosine, isFaulty: isFaulty)
    let slope = times(node.cotangent, apply(other, to: [node.input(0)])[0])
    return [isCosine && !isFaulty ? scale(slope, -1) : slope]
  }
}

/// y = max(x, 0), whose kink is at 0.
struct Rectify: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors { [mapped(inputs[0]) { max($0, 0) }] }
  func backward(_ node: borrowing Differential) -> Tensors {
    [times(node.cotangent, mapped(node.input(0).detached()) { $0 > 0 ? 1 : 0 })]
  }
  func kink(at inputs: borrowing Tensors) -> Kink? {
    let values = inputs[0].scalars()
    guard let index = values.indices.min(by: { abs(values[$0]) < abs(values[$1]) }) else {
      return nil
    }
    let side = values.reduce(UInt64(1)) { $0 &* 31 &+ ($1 > 0 ? 1 : 2) }
    return Kink(distance: abs(values[index]), index: index, side: side)
  }
}

/// y = Σ x, a scalar.
struct Total: TensorOperation {
  var keeps: Kept { .nothing }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs([], inputs[0].dtype)
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    [Tensor(inputs[0].scalars().reduce(0, +), dtype: inputs[0].dtype)]
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    apply(Spread(shape: node.inputSpec(0).shape), to: [node.cotangent])
  }
}

/// A scalar repeated.
struct Spread: TensorOperation {
  let shape: TensorShape
  var keeps: Kept { .nothing }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(shape, inputs[0].dtype)
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    [Tensor.full(shape, inputs[0].item, dtype: inputs[0].dtype)]
  }
  func backward(_ node: borrowing Differential) -> Tensors { [total(node.cotangent)] }
}

/// The identity, with a backward that is wrong in some way.
struct Broken: TensorOperation {
  enum Way: Sendable, CaseIterable {
    /// NaN instead of the gradient.
    case notANumber
    /// No gradient at all.
    case absent
    /// The mean of the cotangent for every element: right if the cotangent is constant.
    case averaged
    /// The gradient of the last element is a third too large.
    case lastElement
  }
  let way: Way
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors { [mapped(inputs[0]) { $0 }] }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    var values = g.scalars()
    switch way {
    case .notANumber: values = values.map { _ in .nan }
    case .absent: return [nil]
    case .averaged:
      let mean = values.reduce(0, +) / Double(values.count)
      values = values.map { _ in mean }
    case .lastElement: values[values.count - 1] *= 4.0 / 3
    }
    return [Tensor(values, shape: g.shape, dtype: g.dtype)]
  }
}

func times(_ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Times(), to: [a, b], file: file, line: line)[0]
}
func scale(
  _ x: Tensor, _ factor: Double, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Scale(factor: factor), to: [x], file: file, line: line)[0]
}
func sine(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sine(), to: [x], file: file, line: line)[0]
}
func rectify(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Rectify(), to: [x], file: file, line: line)[0]
}
func total(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Total(), to: [x], file: file, line: line)[0]
}
func broken(
  _ x: Tensor, _ way: Broken.Way, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Broken(way: way), to: [x], file: file, line: line)[0]
}

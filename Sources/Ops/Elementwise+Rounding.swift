import CTapestryKernels
import TapestryGraph

// Rounding to whole numbers. Zeros keep their sign, NaN and infinities pass.

extension Tensor {
  /// The kink of a function that steps at every whole number plus `offset`.
  fileprivate func stepKink(at offset: Double) -> Kink {
    var finder = KinkFinder()
    for (index, value) in scalars().enumerated() where value.magnitude < 0x1p52 {
      let place = value - offset
      let nearest = place.rounded()
      let side = Int(nearest) + (place > nearest ? 1 : 0)
      finder.note(index: index, distance: abs(place - nearest), side: side)
    }
    return finder.result
  }
}

/// y = ⌊x⌋; y' = 0.
struct Floor: ElementwiseOperation {
  var keeps: Kept { .nothing }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_FLOOR)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].stepKink(at: 0) }
}

/// y = ⌈x⌉; y' = 0.
struct Ceil: ElementwiseOperation {
  var keeps: Kept { .nothing }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_CEIL)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].stepKink(at: 0) }
}

/// y = x rounded; y' = 0.
struct Round: ElementwiseOperation {
  var keeps: Kept { .nothing }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ROUND)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].stepKink(at: 0.5) }
}

/// y = x without its fraction; y' = 0.
struct Truncate: ElementwiseOperation {
  var keeps: Kept { .nothing }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_TRUNCATE))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].stepKink(at: 0) }
}

/// The largest whole number that is not greater, for every element. The gradient is 0.
///
/// - Precondition: float32 or float64.
public func floor(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Floor(), to: Tensors(x), file: file, line: line)[0]
}

/// The smallest whole number that is not less, for every element. The gradient is 0.
///
/// - Precondition: float32 or float64.
public func ceil(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Ceil(), to: Tensors(x), file: file, line: line)[0]
}

/// The nearest whole number, of two equally near ones the even one, for every element. The gradient is 0.
///
/// - Precondition: float32 or float64.
public func round(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Round(), to: Tensors(x), file: file, line: line)[0]
}

/// The whole number next to x on the side of 0, for every element. The gradient is 0.
///
/// - Precondition: float32 or float64.
public func truncate(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Truncate(), to: Tensors(x), file: file, line: line)[0]
}

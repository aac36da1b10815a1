import CTapestryKernels
import TapestryGraph

// Masks of what kind of number an element is, and the logic of masks. None of them has a gradient.

/// y = whether x is of a kind: NaN, finite, infinite.
struct Classify: PointwiseOperation {
  let kind: Int
  var keeps: Kept { .nothing }
  var displayName: String {
    switch kind {
    case TAPESTRY_IS_NAN: "isNaN"
    case TAPESTRY_IS_FINITE: "isFinite"
    default: "isInfinite"
    }
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(inputs.spec(0).shape, .bool)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(
      Tensor(x.shape, .bool) { y in
        let mask = y.assumingMemoryBound(to: UInt8.self)
        x.withMemory { tapestry_classify(Int32(kind), x.dtype.code, Int64(x.count), $0, mask) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}

/// y = a and b, a or b, one of a and b.
struct MaskLogic: PointwiseOperation {
  let function: Int
  var keeps: Kept { .nothing }
  static var inputNames: [String] { ["left", "right"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    for index in 0..<2 where inputs.spec(index).dtype != .bool {
      throw Misuse(
        "needs bool masks, not \(inputs.spec(index).dtype); make one with `.>` and the like")
    }
    return Specs(try broadcastShape(inputs.spec(0).shape, inputs.spec(1).shape), .bool)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Compare(comparison: function).forward(inputs)
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil, nil) }
}

/// The mask of the elements that are NaN. Integers never are.
///
/// - Precondition: none.
public func isNaN(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Classify(kind: TAPESTRY_IS_NAN), to: Tensors(x), file: file, line: line)[0]
}

/// The mask of the elements that are neither NaN nor infinite. Integers always are.
///
/// - Precondition: none.
public func isFinite(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Classify(kind: TAPESTRY_IS_FINITE), to: Tensors(x), file: file, line: line)[0]
}

/// The mask of the elements that are infinite, with either sign. Integers never are.
///
/// - Precondition: none.
public func isInfinite(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Classify(kind: TAPESTRY_IS_INFINITE), to: Tensors(x), file: file, line: line)[0]
}

extension Tensor {
  /// The mask of the places where both masks are true; shapes broadcast.
  ///
  /// - Precondition: two bool masks; the shapes broadcast.
  public static func .& (a: Tensor, b: Tensor) -> Tensor {
    operate(MaskLogic(function: TAPESTRY_AND), Tensors(a, b))
  }
  /// The mask of the places where at least one of the masks is true; shapes broadcast.
  ///
  /// - Precondition: two bool masks; the shapes broadcast.
  public static func .| (a: Tensor, b: Tensor) -> Tensor {
    operate(MaskLogic(function: TAPESTRY_OR), Tensors(a, b))
  }
  /// The mask of the places where exactly one of the masks is true; shapes broadcast.
  ///
  /// - Precondition: two bool masks; the shapes broadcast.
  public static func .^ (a: Tensor, b: Tensor) -> Tensor {
    operate(MaskLogic(function: TAPESTRY_NOT_EQUAL), Tensors(a, b))
  }
  /// The mask of the places where the mask is false.
  ///
  /// - Precondition: a bool mask.
  public static prefix func .! (a: Tensor) -> Tensor {
    operate(MaskLogic(function: TAPESTRY_NOT_EQUAL), Tensors(a, Tensor(1, dtype: .bool)))
  }
}

import CTapestryKernels
import TapestryGraph

/// y = Π x; the gradient by an element is the product of the others, which is made of products from either side: no division,
/// so zeros need no exception, to any order. Integers too.
struct Product: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else {
      throw Misuse("bool masks have no product; ask all() instead")
    }
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(reduced(inputs[0], TAPESTRY_PRODUCT))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(restored(node.cotangent, of: x.shape) * productOfOthers(x))
  }

  private func productOfOthers(_ x: Tensor) -> Tensor {
    let set = axisSet(x.shape)
    let reduced = (0..<x.rank).filter { set.contains($0) }
    guard reduced.count != 1 else { return productOfOthers(x, along: reduced[0]) }
    // The reduced axes as one, behind the others, and back.
    let order = (0..<x.rank).filter { !set.contains($0) } + reduced
    let moved = x.transposed(order)
    let kept = Array(moved.shape[..<(x.rank - reduced.count)])
    let line = moved.reshaped(to: kept + [reduced.reduce(1) { $0 * x.shape[$1] }])
    let others = productOfOthers(line, along: kept.count).reshaped(to: moved.shape)
    return others.transposed((0..<x.rank).map { axis in order.firstIndex(of: axis)! })
  }

  private func productOfOthers(_ x: Tensor, along axis: Int) -> Tensor {
    let before = apply(CumulativeProduct(axis: axis), to: Tensors(x))[0]
    let after = apply(CumulativeProduct(axis: axis, isReversed: true), to: Tensors(x))[0]
    return before.shifted(along: axis, backwards: false, entering: 1)
      * after.shifted(along: axis, backwards: true, entering: 1)
  }
}

extension Tensor {
  /// The product along some axes, or of all elements: 1 of none. Integers wrap around.
  ///
  /// The gradient is right where elements are 0 too, also that of the gradient.
  ///
  /// - Precondition: the axes exist, none is named twice; not bool.
  public func product(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    product(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The product along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; not bool.
  public func product(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let product = Product(axes: axes, keepsDimensions: keepingDimensions)
    return apply(product, to: Tensors(self), file: file, line: line)[0]
  }
}

import CTapestryKernels
import TapestryGraph

// Padding that continues the tensor: by its mirror image, its border, or itself from the other side.

/// What stands around a padded tensor.
public enum PaddingMode: Sendable, CaseIterable {
  /// Zeros.
  case constant
  /// The mirror image, the border itself not repeated; the padding is less than the size.
  case reflect
  /// The border, again and again.
  case replicate
  /// The other end; the padding is at most the size.
  case circular
}

/// y = x surrounded by what `mode` says.
struct PadBorder: TensorOperation {
  let before: [Int]
  let after: [Int]
  let mode: PaddingMode
  static var name: String { "padded" }
  var keeps: Kept { .nothing }
  var label: String { "\(mode)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    guard before.count == shape.rank else {
      throw Misuse("\(before.count) pairs of padding, but the tensor has \(shape.rank) axes")
    }
    guard [before, after].joined().allSatisfy({ $0 >= 0 && $0 <= largestSize }) else {
      throw Misuse(
        "padding lies in 0 ..< 2^31, but is \(before) before and \(after) after")
    }
    for axis in shape.indices {
      let (most, size) = (Swift.max(before[axis], after[axis]), shape[axis])
      // In range: an axis of size 0 is looked at by its own case.
      let limit =
        switch mode {
        case .reflect: Swift.max(size - 1, 0)
        case .circular: size
        default: size == 0 ? 0 : Int.max
        }
      guard most <= limit else {
        throw Misuse(
          "\(mode) can add at most \(limit) to each side of axis \(axis) of \(shape), not \(most)")
      }
    }
    // In range: three sizes are added.
    return Specs(
      try TensorShape(checked: shape.indices.map { before[$0] + shape[$0] + after[$0] }),
      inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    guard let spec = try? specs(for: inputs)[0] else {
      trapAtCaller("the shape rule was passed over")
    }
    let (x, borders) = (inputs[0], Borders(self, inputs.spec(0).shape))
    let size = spec.dtype.size
    return Tensors(
      Tensor(spec) { y in
        if spec.shape.elementCount == 0 { return }
        x.withMemory { x in
          let own = borders.shape.strides.map(Int64.init)
          tapestry_strided_copy(
            Int32(size), Int32(spec.shape.rank), borders.shape.map(Int64.init), borders.strides,
            y + borders.middle * size, own, x)
        }
        // From the last axis on, so that the borders of one are there when the next copies them.
        for axis in spec.shape.indices.reversed() {
          for border in borders.along(axis) {
            tapestry_strided_copy(
              Int32(size), Int32(spec.shape.rank), border.sizes, borders.strides,
              y + border.target * size, border.strides, y + border.source * size)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let fold = FoldBorder(padding: self, shape: node.inputSpec(0).shape)
    return Tensors(apply(fold, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// The middle of x with the borders added where they came from: the transpose of ``PadBorder``.
struct FoldBorder: TensorOperation {
  let padding: PadBorder
  let shape: TensorShape
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let borders = Borders(padding, shape)
    let (x, dtype) = (inputs[0], inputs.spec(0).dtype)
    let padded = x.shape
    let sums = Tensor(padded, dtype) { y in
      if padded.elementCount == 0 { return }
      x.withMemory { y.copyMemory(from: $0, byteCount: padded.elementCount * dtype.size) }
      for axis in padded.indices {
        for border in borders.along(axis) {
          tapestry_strided_add(
            dtype.code, Int32(padded.rank), border.sizes, border.strides,
            y + border.source * dtype.size, borders.strides, y + border.target * dtype.size)
        }
      }
    }
    return Tensors(
      sums.copied(
        to: shape, sizes: shape, targetStrides: shape.strides.map(Int64.init),
        sourceStrides: borders.strides, sourceStart: borders.middle))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(padding, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// Where the borders of a padded tensor lie and where they come from, both in the padded tensor.
private struct Borders {
  struct Border {
    var sizes: [Int64]
    var target: Int
    var source: Int
    var strides: [Int64]
  }

  let shape: TensorShape
  let strides: [Int64]
  /// Where the unpadded tensor begins.
  let middle: Int
  private let padding: PadBorder
  private let steps: [Int]

  init(_ padding: PadBorder, _ shape: TensorShape) {
    self.padding = padding
    self.shape = shape
    steps =
      TensorShape(shape.indices.map { padding.before[$0] + shape[$0] + padding.after[$0] }).strides
    strides = steps.map(Int64.init)
    middle = zip(padding.before, steps).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The two borders of an axis: over the unpadded part of the axes before it and the whole of those behind.
  func along(_ axis: Int) -> [Border] {
    let (before, size, after) = (padding.before[axis], shape[axis], padding.after[axis])
    let step = steps[axis]
    var corner = 0
    for outer in 0..<axis { corner += padding.before[outer] * steps[outer] }
    func border(_ count: Int, at target: Int, from source: Int, _ direction: Int) -> Border? {
      if count == 0 { return nil }
      var (sizes, strides) = (shape.map(Int64.init), self.strides)
      sizes[axis] = Int64(count)
      for inner in shape.indices where inner > axis {
        sizes[inner] += Int64(padding.before[inner] + padding.after[inner])
      }
      strides[axis] = Int64(direction * step)
      return Border(
        sizes: sizes, target: corner + target * step, source: corner + source * step,
        strides: strides)
    }
    let end = before + size
    let borders =
      switch padding.mode {
      case .reflect:
        [border(before, at: 0, from: 2 * before, -1), border(after, at: end, from: end - 2, -1)]
      case .replicate:
        [border(before, at: 0, from: before, 0), border(after, at: end, from: end - 1, 0)]
      default:
        [border(before, at: 0, from: size, 1), border(after, at: end, from: before, 1)]
      }
    return borders.compactMap { $0 }
  }
}

extension Tensor {
  /// Surrounded by a continuation of itself: its mirror image, its border, or the other end.
  ///
  /// The gradient adds up where an element stands more than once.
  ///
  /// - Parameters:
  ///   - padding: how many elements to add before and after, a pair per axis.
  ///   - mode: what stands there; `.constant` are zeros.
  /// - Precondition: a pair for every axis, none negative; `.reflect` adds less than the size, `.circular` at most
  ///   the size to a side, and neither they nor `.replicate` anything to an empty axis.
  public func padded(
    _ padding: [(before: Int, after: Int)], mode: PaddingMode, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Tensor {
    if mode == .constant { return padded(padding, value: 0, file: file, line: line) }
    let operation = PadBorder(
      before: padding.map(\.before), after: padding.map(\.after), mode: mode)
    return apply(operation, to: Tensors(self), file: file, line: line)[0]
  }
}

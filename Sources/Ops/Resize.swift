import CTapestryKernels
import TapestryGraph

/// How pixels of a resized image are made of those of the original.
public enum ResizeMethod: String, Sendable, CaseIterable {
  /// The pixel at ⌊i · ratio⌋.
  case nearest
  /// The pixel at ⌊(i + ½) · ratio⌋: the one whose area holds the centre, as in Pillow and scikit-image.
  case nearestExact
  /// Between two pixels along each axis: linear, bilinear, trilinear.
  case linear
  /// Between four pixels along each axis: bicubic.
  case cubic
  /// The mean of the pixels that the new one covers.
  case area
}

/// y = x with each axis behind the second one multiplied by its map; linear.
struct Resample: TensorOperation {
  private static let kept = Kept.nothing
  let maps: [AxisMap]
  let displayName: String
  /// A size or scale that cannot be.
  var problem: String?
  var keeps: Kept { Self.kept }
  var label: String { "to " + maps.map { "\($0.outputs)" }.joined(separator: "x") }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    if let problem { throw Misuse(problem) }
    let shape = inputs.spec(0).shape
    // In range: lists are joined.
    let sizes = [shape[0], shape[1]] + maps.map(\.outputs)
    return Specs(try TensorShape(checked: sizes), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    var result = inputs[0]
    // Leading axes one by one, the last two together.
    for axis in maps.indices.dropLast(2) {
      result = result.resampled(maps[axis], axis: 2 + axis)
    }
    let rows = maps.count > 1 ? maps[maps.count - 2] : AxisMap.identity(1)
    return Tensors(result.resampled(rows, maps[maps.count - 1], axes: min(maps.count, 2)))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let back = Resample(maps: maps.map(\.transposed), displayName: displayName)
    return Tensors(apply(back, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

extension Tensor {
  /// One axis multiplied by its map.
  fileprivate func resampled(_ map: AxisMap, axis: Int) -> Tensor {
    var sizes = Array(shape)
    let (outer, inner) = (
      sizes[..<axis].reduce(1, *), sizes[(axis + 1)...].reduce(1, *)
    )
    sizes[axis] = map.outputs
    return Tensor(TensorShape(sizes), dtype) { y in
      withMemory { x in
        map.withKernelMap {
          tapestry_resample_axis(dtype.code, Int64(outer), $0, Int64(inner), x, y)
        }
      }
    }
  }

  /// The last two axes multiplied by their maps, or the last one where `axes` is 1.
  fileprivate func resampled(_ rows: AxisMap, _ columns: AxisMap, axes: Int) -> Tensor {
    let leading = Array(shape.dropLast(axes))
    let sizes = leading + [rows.outputs, columns.outputs].suffix(axes)
    return Tensor(TensorShape(sizes), dtype) { y in
      withMemory { x in
        rows.withKernelMap { rows in
          columns.withKernelMap { columns in
            tapestry_resample_planes(
              dtype.code, Int64(leading.reduce(1, *)), rows, columns, x, y)
          }
        }
      }
    }
  }
}

/// Images, sequences or volumes of another size.
///
/// Along each axis with n places made m, r = n / m: `.nearest` takes the pixel at ⌊i r⌋, `.nearestExact` that at ⌊(i + ½) r⌋;
/// `.linear` and `.cubic` interpolate at (i + ½) r - ½, with `alignCorners` at i (n - 1) / (m - 1), beyond the border as on it
/// (Keys's cubic with a = -0.75); `.area` is the mean from ⌊i r⌋ to ⌈(i + 1) r⌉. With `antialias` the kernels of `.linear` and
/// `.cubic` (then a = -0.5) are widened by max(r, 1), as Pillow does it.
///
/// - Parameters:
///   - x: `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`.
///   - size: the new sizes of the axes behind the channels, all at least 1.
///   - method: default `.nearest`.
///   - alignCorners: whether the centres of the outer pixels stay where they are; for `.linear` and `.cubic`. Default: `false`.
///   - antialias: whether what is made smaller is smoothed; for `.linear` and `.cubic` of images. Default: `false`.
/// - Returns: `[N, C]` and the new sizes.
/// - Precondition: 3 to 5 axes, as many sizes as axes behind the channels, no axis of 0 pixels; float32 or float64.
public func resize(
  _ x: Tensor, size: [Int], method: ResizeMethod = .nearest, alignCorners: Bool = false,
  antialias: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  resize(
    x, sizes: size.map(Double.init), scales: nil, method, alignCorners, antialias, file: file,
    line: line)
}

/// As ``resize(_:size:method:alignCorners:antialias:file:line:)`` with sizes of ⌊n · scale⌋ and places 1 / scale apart.
///
/// - Parameters:
///   - x: `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`.
///   - scale: a factor for each axis behind the channels, positive.
///   - method: default `.nearest`.
///   - alignCorners: as above. Default: `false`.
///   - antialias: as above. Default: `false`.
/// - Returns: `[N, C]` and the new sizes.
/// - Precondition: 3 to 5 axes, as many factors as axes behind the channels, no size becomes 0; float32 or float64.
public func resize(
  _ x: Tensor, scale: [Double], method: ResizeMethod = .nearest, alignCorners: Bool = false,
  antialias: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sizes = zip(x.shape.dropFirst(2), scale).map { (Double($0) * $1).rounded(.down) }
  return resize(
    x, sizes: sizes, scales: scale, method, alignCorners, antialias, file: file, line: line)
}

private func resize(
  _ x: Tensor, sizes: [Double], scales: [Double]?, _ method: ResizeMethod, _ alignCorners: Bool,
  _ antialias: Bool, file: StaticString, line: UInt
) -> Tensor {
  var operation = Resample(maps: [], displayName: "resize")
  operation.problem = problem(x.shape, sizes, scales, method, alignCorners, antialias)
  guard operation.problem == nil else {
    return apply(operation, to: Tensors(x), file: file, line: line)[0]
  }
  let maps = sizes.indices.map { axis in
    AxisMap.resizing(
      x.shape[2 + axis], to: Int(sizes[axis]), scale: scales?[axis], method,
      alignCorners: alignCorners, antialias: antialias)
  }
  return apply(
    Resample(maps: maps, displayName: "resize"), to: Tensors(x), file: file, line: line)[0]
}

/// Why these sizes cannot be, or `nil`.
private func problem(
  _ shape: TensorShape, _ sizes: [Double], _ scales: [Double]?, _ method: ResizeMethod,
  _ alignCorners: Bool, _ antialias: Bool
) -> String? {
  guard (3...5).contains(shape.rank) else {
    return "the input needs 3 to 5 axes, [batch, channels, ...], not \(shape.rank)"
  }
  let given = scales?.count ?? sizes.count
  guard given == shape.rank - 2 else {
    return
      "\(given) \(scales == nil ? "sizes" : "factors") for the \(shape.rank - 2) axes behind the channels of \(shape)"
  }
  if let scales, let scale = scales.first(where: { !($0 > 0 && $0.isFinite) }) {
    return "a factor is positive and finite, not \(scale)"
  }
  // Tables of places are made before anything is allocated by shape.
  guard sizes.allSatisfy({ $0 >= 1 && $0 <= 0x1p31 }) else {
    return "the new sizes \(sizes.map { Int(exactly: $0) ?? .max }) are not all in 1 ... 2³¹"
  }
  guard !shape.dropFirst(2).contains(0) else { return "there are no pixels in \(shape)" }
  let interpolates = method == .linear || method == .cubic
  if alignCorners && !interpolates { return "alignCorners goes with .linear and .cubic" }
  if antialias && !interpolates { return "antialias goes with .linear and .cubic" }
  return nil
}

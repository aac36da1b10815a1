import CTapestryKernels
import TapestryGraph

// Boxes in images: rows x1, y1, x2, y2 with y down, the area (x2 - x1) (y2 - y1), no pixel added.

/// How the four numbers of a box are meant.
public enum BoxFormat: String, Sendable, CaseIterable {
  /// Two corners: x1, y1, x2, y2.
  case corners = "xyxy"
  /// The upper left corner and the size: x1, y1, width, height.
  case cornerAndSize = "xywh"
  /// The centre and the size: x, y, width, height.
  case centerAndSize = "cxcywh"
}

/// The last axis must be the four numbers of a box.
func requireBoxes(_ spec: TensorSpec, _ name: String, rank: Int? = nil) throws(Misuse) {
  guard spec.shape.rank >= 1, spec.shape[spec.shape.rank - 1] == 4,
    rank == nil || spec.shape.rank == rank
  else {
    let wanted = rank == 2 ? "[count, 4]" : "[..., 4]"
    throw Misuse("\(name) are rows of x1, y1, x2, y2: shape \(wanted), not \(spec.shape)")
  }
}

/// The four columns of boxes, each with the axes that `shape` gives it.
struct BoxEdges {
  let left: Tensor
  let top: Tensor
  let right: Tensor
  let bottom: Tensor

  init(_ boxes: Tensor, reshapedTo shape: [Int]? = nil, file: StaticString, line: UInt) {
    let axis = boxes.rank - 1
    let columns = boxes.split([1, 1, 1, 1], along: axis, file: file, line: line)
    let shaped = columns.map { column in
      shape.map { column.reshaped(to: $0, file: file, line: line) }
        ?? column.squeezed(axis, file: file, line: line)
    }
    (left, top, right, bottom) = (shaped[0], shaped[1], shaped[2], shaped[3])
  }

  var width: Tensor { right - left }
  var height: Tensor { bottom - top }
  var area: Tensor { width * height }
}

/// What two sets of boxes share, element by element with broadcasting.
struct BoxOverlap {
  let a: BoxEdges
  let b: BoxEdges
  let width: Tensor
  let height: Tensor

  init(_ a: BoxEdges, _ b: BoxEdges) {
    (self.a, self.b) = (a, b)
    width = clip(minimum(a.right, b.right) - maximum(a.left, b.left), min: 0)
    height = clip(minimum(a.bottom, b.bottom) - maximum(a.top, b.top), min: 0)
  }

  var shared: Tensor { width * height }
  /// The size of the smallest box around both.
  var enclosingWidth: Tensor { maximum(a.right, b.right) - minimum(a.left, b.left) }
  var enclosingHeight: Tensor { maximum(a.bottom, b.bottom) - minimum(a.top, b.top) }

  /// All pairs of the rows of `a` [N, 4] and of `b` [M, 4].
  static func pairs(_ a: Tensor, _ b: Tensor, file: StaticString, line: UInt) -> BoxOverlap {
    BoxOverlap(
      BoxEdges(a, reshapedTo: [a.shape[0], 1], file: file, line: line),
      BoxEdges(b, reshapedTo: [1, b.shape[0]], file: file, line: line))
  }
}

/// y[i, j] = shared area of a[i] and b[j] / area of both together.
struct BoxIntersectionOverUnion: TensorOperation {
  static var name: String { "boxIoU" }
  static var inputNames: [String] { ["a", "b"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireBoxes(inputs.spec(0), "boxes", rank: 2)
    try requireBoxes(inputs.spec(1), "boxes", rank: 2)
    try requireSameType(inputs)
    return Specs([inputs.spec(0).shape[0], inputs.spec(1).shape[0]], inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    return Tensors(
      Tensor([a.shape[0], b.shape[0]], a.dtype) { y in
        withMemory(a, b) { first, second in
          tapestry_box_overlaps(
            a.dtype.code, Int64(a.shape[0]), first, Int64(b.shape[0]), second, y)
        }
      })
  }

  /// With I shared and U = A + B - I: by I (U + I) / U², by the areas A and B -I / U².
  func backward(_ node: borrowing Differential) -> Tensors {
    let site = (file: CallSite.operatorFile, line: UInt(0))
    let pairs = BoxOverlap.pairs(node.input(0), node.input(1), file: site.file, line: site.line)
    let shared = pairs.shared
    let union = pairs.a.area + pairs.b.area - shared
    let byShared = node.cotangent * (union + shared) / square(union)
    let byArea = -(node.cotangent * shared) / square(union)
    let byWidth = byShared * pairs.height
    let byHeight = byShared * pairs.width
    let zero = Tensor(0, dtype: node.cotangent.dtype)
    /// By the four edges of one side: a lower edge counts where it is the larger, an upper where it is the smaller.
    func edges(_ own: BoxEdges, _ other: BoxEdges, ties: Bool, summing axis: Int) -> Tensor {
      func share(_ gradient: Tensor, _ isChosen: Tensor) -> Tensor {
        select(where: isChosen, gradient, else: zero)
      }
      let (width, height) = (pairs.width .> 0, pairs.height .> 0)
      let left = ties ? own.left .>= other.left : own.left .> other.left
      let top = ties ? own.top .>= other.top : own.top .> other.top
      let right = ties ? own.right .<= other.right : own.right .< other.right
      let bottom = ties ? own.bottom .<= other.bottom : own.bottom .< other.bottom
      let (areaByWidth, areaByHeight) = (byArea * own.height, byArea * own.width)
      let columns = [
        -share(share(byWidth, width), left) - areaByWidth,
        -share(share(byHeight, height), top) - areaByHeight,
        share(share(byWidth, width), right) + areaByWidth,
        share(share(byHeight, height), bottom) + areaByHeight,
      ]
      return stack(columns.map { $0.sum(along: axis) }, along: 1)
    }
    return Tensors(
      node.needs(0) ? edges(pairs.a, pairs.b, ties: true, summing: 1) : nil,
      node.needs(1) ? edges(pairs.b, pairs.a, ties: false, summing: 0) : nil)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    let (a, b) = (inputs[0].scalars(), inputs[1].scalars())
    var finder = KinkFinder()
    for i in 0..<a.count / 4 {
      for j in 0..<b.count / 4 {
        // Edges that meet: of one kind, and of opposite kinds where an overlap begins.
        for k in 0..<4 {
          for other in [k, (k + 2) % 4] {
            let gap = a[4 * i + k] - b[4 * j + other]
            finder.note(index: 4 * i + k, distance: abs(gap) / 2, side: gap > 0 ? 1 : 0)
          }
        }
      }
    }
    return finder.result
  }
}

/// The overlap of every box of `a` with every box of `b`: shared area over the area of both together
/// (intersection over union), between 0 and 1.
///
/// - Parameters:
///   - a: boxes `[N, 4]`, rows of x1, y1, x2, y2 with y down.
///   - b: boxes `[M, 4]`.
/// - Returns: `[N, M]`. NaN where neither box has an area.
/// - Precondition: shapes as above, one floating-point type.
///
/// Everingham et al., "The PASCAL Visual Object Classes Challenge", 2010, section 4.2, without their added pixel.
public func boxIoU(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(BoxIntersectionOverUnion(), to: Tensors(a, b), file: file, line: line)[0]
}

/// The generalized overlap of every box of `a` with every box of `b`: IoU - (H - U) / H with U the area of both together and
/// H that of the smallest box around both. Between -1 and 1, and with a slope also where boxes lie apart.
///
/// - Parameters:
///   - a: boxes `[N, 4]`, rows of x1, y1, x2, y2 with y down.
///   - b: boxes `[M, 4]`.
/// - Returns: `[N, M]`.
/// - Precondition: shapes as above, one floating-point type.
///
/// Rezatofighi et al., "Generalized Intersection over Union", 2019, algorithm 1.
public func generalizedBoxIoU(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "generalizedBoxIoU", [("a", a), ("b", b)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireBoxes(a.spec, "boxes", rank: 2)
      try requireBoxes(b.spec, "boxes", rank: 2)
      try requireSameType(Tensors(a, b))
    })
  {
    return refused
  }
  let pairs = BoxOverlap.pairs(a, b, file: file, line: line)
  let shared = pairs.shared
  let union = pairs.a.area + pairs.b.area - shared
  let hull = pairs.enclosingWidth * pairs.enclosingHeight
  return shared / union - (hull - union) / hull
}

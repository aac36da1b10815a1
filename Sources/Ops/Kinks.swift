import CTapestryKernels
import TapestryGraph

// Where the ops with corners stand: for gradient checks, which read values on the host; no kernel is worth it.

/// Gathers the distance to the nearest kink, and a fingerprint of the sides.
struct KinkFinder {
  private var kink = Kink(distance: .infinity, index: 0, side: 0xcbf2_9ce4_8422_2325)

  /// What was found.
  var result: Kink { kink }

  /// The element at `index` is `distance` from a kink, on the side numbered `side`.
  mutating func note(index: Int, distance: Double, side: Int) {
    if distance < kink.distance {
      kink.distance = distance
      kink.index = index
    }
    // FNV-1a (Fowler, Noll, Vo), a word at a time.
    kink.side = (kink.side ^ UInt64(bitPattern: Int64(side))) &* 0x100_0000_01b3
  }
}

extension Tensor {
  /// The kink of an elementwise function with corners at these points, in ascending order.
  func elementwiseKink(at corners: Double...) -> Kink {
    var finder = KinkFinder()
    for (index, value) in scalars().enumerated() {
      let side = corners.reduce(0) { $0 + (value > $1 ? 1 : 0) }
      let distance = corners.reduce(Double.infinity) { Swift.min($0, abs(value - $1)) }
      finder.note(index: index, distance: distance, side: side)
    }
    return finder.result
  }

  /// The kink of a maximum of `self` and `other`, which broadcast: where they are equal.
  func comparisonKink(with other: Tensor) -> Kink {
    let difference = combined(TAPESTRY_SUBTRACT, with: other)
    return difference.elementwiseKink(at: 0)
  }

  /// The kink of a maximum over `axes` of `sign` x: where the largest and the next largest meet.
  func extremumKink(along axes: AxisSet, sign: Double) -> Kink {
    let strides = shape.strides
    var groups: [Int: (best: Double, index: Int, next: Double)] = [:]
    for (index, value) in scalars().enumerated() {
      var group = 0
      for axis in 0..<rank where !axes.contains(axis) {
        group += index / strides[axis] % shape[axis] * strides[axis]
      }
      let value = sign * value
      guard let seen = groups[group] else {
        groups[group] = (value, index, -.infinity)
        continue
      }
      groups[group] =
        value > seen.best
        ? (value, index, seen.best) : (seen.best, seen.index, Swift.max(seen.next, value))
    }
    var finder = KinkFinder()
    for (_, seen) in groups.sorted(by: { $0.key < $1.key }) {
      finder.note(index: seen.index, distance: (seen.best - seen.next) / 2, side: seen.index)
    }
    return finder.result
  }
}

import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Convolutions and pools against their definition, over all small windows.
@Suite struct WindowSweep {
  /// One combination of sizes along an axis.
  struct Axis {
    let length: Int
    let window: Int
    let stride: Int
    let padding: Int
    let dilation: Int
    let isRoundingUp: Bool

    var extent: Int { (window - 1) * dilation + 1 }
    var fits: Bool { length + 2 * padding >= extent }

    /// The places in the image of each window's elements, `nil` in the padding; what lies beyond is left out.
    var windows: [[Int?]] {
      var result: [[Int?]] = []
      let end = length + 2 * padding
      var start = 0
      var isLast = false
      while !isLast, start + extent <= end || isRoundingUp {
        isLast = start + extent >= end
        // Rounding up drops the last window if it starts in the far padding.
        if isRoundingUp && isLast && start >= length + padding { break }
        result.append(
          (0..<window).map { start + $0 * dilation }.filter { $0 < end }.map {
            let place = $0 - padding
            return place >= 0 && place < length ? place : nil
          })
        start += stride
      }
      return result
    }

    var seesPixels: Bool { windows.allSatisfy { $0.contains { $0 != nil } } }
  }

  static let axes: [Axis] = {
    var result: [Axis] = []
    for length in [1, 2, 4, 5, 7] {
      for window in 1...3 {
        for stride in 1...4 {
          for padding in 0...2 {
            for dilation in 1...2 {
              for isRoundingUp in [false, true] {
                let axis = Axis(
                  length: length, window: window, stride: stride, padding: padding,
                  dilation: dilation, isRoundingUp: isRoundingUp)
                if axis.fits { result.append(axis) }
              }
            }
          }
        }
      }
    }
    return result
  }()

  /// Pairs an axis with another of the same rounding, so that height and width differ.
  private func other(_ index: Int) -> Axis {
    let axis = Self.axes[index]
    let partners = Self.axes.filter { $0.isRoundingUp == axis.isRoundingUp }
    return partners[index * 37 % partners.count]
  }

  @Test("pools have the size and the values of their definition")
  func pools() {
    for (index, rows) in Self.axes.enumerated() {
      let columns = other(index)
      let x = distinctSample([1, 2, rows.length, columns.length], seed: UInt64(index))
      let values = x.scalars()
      let (rowWindows, columnWindows) = (rows.windows, columns.windows)
      let shape: TensorShape = [1, 2, rowWindows.count, columnWindows.count]
      var maxima: [Double] = []
      var sums: [Double] = []
      var norms: [Double] = []
      var pixels: [Double] = []
      var padded: [Double] = []
      for channel in 0..<2 {
        for row in rowWindows {
          for column in columnWindows {
            var seen: [Double] = []
            for i in row {
              for j in column {
                if let i, let j {
                  seen.append(values[(channel * rows.length + i) * columns.length + j])
                }
              }
            }
            maxima.append(seen.max() ?? -.infinity)
            sums.append(seen.reduce(0, +))
            norms.append(seen.reduce(0) { $0 + $1 * $1 }.squareRoot())
            pixels.append(Double(seen.count))
            padded.append(Double(row.count * column.count))
          }
        }
      }
      let window = Pair(height: rows.window, width: columns.window)
      let stride = Pair(height: rows.stride, width: columns.stride)
      let padding = Padding2d(height: rows.padding, width: columns.padding)
      let dilation = Pair(height: rows.dilation, width: columns.dilation)
      let label = "\(rows) \(columns)"
      if rows.seesPixels && columns.seesPixels {
        expectClose(
          maxPool2d(
            x, window: window, stride: stride, padding: padding, dilation: dilation,
            ceilMode: rows.isRoundingUp), maxima, shape: shape, "max \(label)")
      }
      guard rows.dilation == 1, columns.dilation == 1 else { continue }
      expectClose(
        sumPool2d(
          x, window: window, stride: stride, padding: padding, ceilMode: rows.isRoundingUp), sums,
        shape: shape, "sum \(label)", absoluteTolerance: 1e-12)
      expectClose(
        lpPool2d(
          x, window: window, exponent: 2, stride: stride, padding: padding,
          ceilMode: rows.isRoundingUp), norms, shape: shape, "norm \(label)",
        absoluteTolerance: 1e-12)
      expectClose(
        averagePool2d(
          x, window: window, stride: stride, padding: padding, ceilMode: rows.isRoundingUp),
        zip(sums, padded).map { $0 / $1 }, shape: shape, "average \(label)",
        absoluteTolerance: 1e-12)
      if rows.seesPixels && columns.seesPixels {
        expectClose(
          averagePool2d(
            x, window: window, stride: stride, padding: padding, ceilMode: rows.isRoundingUp,
            countingPadding: false), zip(sums, pixels).map { $0 / $1 }, shape: shape,
          "average of pixels \(label)", absoluteTolerance: 1e-12)
      }
    }
  }

  @Test("adaptive pools have the values of their bins, for every size and number of bins")
  func adaptivePools() {
    for height in 1...7 {
      for bins in 1...8 {
        let (width, columns) = (8 - height, 9 - bins)
        let x = distinctSample([1, 1, height, width], seed: UInt64(height * 10 + bins))
        let values = x.scalars()
        var (means, maxima): ([Double], [Double]) = ([], [])
        for i in 0..<bins {
          for j in 0..<columns {
            // From floor(i size / bins) up to, not including, ceil((i + 1) size / bins).
            let rows = i * height / bins..<((i + 1) * height + bins - 1) / bins
            let places = j * width / columns..<((j + 1) * width + columns - 1) / columns
            let seen = rows.flatMap { row in places.map { values[row * width + $0] } }
            means.append(seen.reduce(0, +) / Double(seen.count))
            maxima.append(seen.max()!)
          }
        }
        let size = Pair(height: bins, width: columns)
        let shape: TensorShape = [1, 1, bins, columns]
        let label = "\(height)x\(width) to \(size)"
        expectClose(
          adaptiveAveragePool2d(x, outputSize: size), means, shape: shape, label,
          absoluteTolerance: 1e-12)
        expectClose(adaptiveMaxPool2d(x, outputSize: size), maxima, shape: shape, label)
      }
    }
  }

  @Test("convolutions have the size and the values of their definition, and transpose themselves")
  func convolutions() {
    for (index, rows) in Self.axes.enumerated() where !rows.isRoundingUp {
      let columns = other(index)
      let x = sample([1, 1, rows.length, columns.length], seed: UInt64(index)).tracked()
      let w = sample([2, 1, rows.window, columns.window], seed: UInt64(index + 1)).tracked()
      let (pixels, weights) = (x.scalars(), w.scalars())
      var expected: [Double] = []
      for filter in 0..<2 {
        for row in rows.windows {
          for column in columns.windows {
            var sum = 0.0
            for (p, i) in row.enumerated() {
              for (q, j) in column.enumerated() {
                guard let i, let j else { continue }
                sum +=
                  weights[(filter * rows.window + p) * columns.window + q]
                  * pixels[i * columns.length + j]
              }
            }
            expected.append(sum)
          }
        }
      }
      let y = conv2d(
        x, w, stride: Pair(height: rows.stride, width: columns.stride),
        padding: Padding2d(height: rows.padding, width: columns.padding),
        dilation: Pair(height: rows.dilation, width: columns.dilation))
      let label = "\(rows) \(columns)"
      let shape: TensorShape = [1, 2, rows.windows.count, columns.windows.count]
      guard expectClose(y, expected, shape: shape, label, absoluteTolerance: 1e-12) else {
        continue
      }
      // y is linear in x and in w: ⟨g, y⟩ = ⟨gradient by x, x⟩ = ⟨gradient by w, w⟩.
      let g = sample(shape, seed: UInt64(index + 2))
      let gradients = gradients(of: y, withRespectTo: [x, w], cotangent: g)
      let product = inner(g, y)
      expectClose(
        inner(gradients[x]!, x), [product.item], shape: [], label, absoluteTolerance: 1e-11)
      expectClose(
        inner(gradients[w]!, w), [product.item], shape: [], label, absoluteTolerance: 1e-11)
    }
  }

  private func inner(_ a: Tensor, _ b: Tensor) -> Tensor { (a.detached() * b.detached()).sum() }

  @Test("same padding: the size of the input over the stride, rounded up, the odd row at the end")
  func same() {
    for size in 1...9 {
      for window in 1...4 {
        for stride in 1...4 {
          let x = sample([1, 1, size, size])
          let w = Tensor.ones([1, 1, window, window], dtype: .float64)
          let y = conv2d(x, w, stride: Pair(stride), padding: .same)
          let count = (size + stride - 1) / stride
          let total = max((count - 1) * stride + window - size, 0)
          let before = total / 2
          let explicit = Padding2d(
            top: before, left: before, bottom: total - before, right: total - before)
          #expect(y.shape == [1, 1, count, count])
          expectClose(y, conv2d(x, w, stride: Pair(stride), padding: explicit))
          expectClose(
            maxPool2d(x, window: Pair(window), stride: Pair(stride), padding: .same),
            maxPool2d(x, window: Pair(window), stride: Pair(stride), padding: explicit))
        }
      }
    }
  }
}

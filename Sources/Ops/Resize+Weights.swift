import CTapestryKernels

// Which places of an axis a place of its resized form takes, and with which weights.

extension AxisMap {
  /// - Parameters:
  ///   - scale: what the user gave instead of a size; the places are then 1 / scale apart.
  static func resizing(
    _ inputs: Int, to outputs: Int, scale: Double?, _ method: ResizeMethod, alignCorners: Bool,
    antialias: Bool
  ) -> AxisMap {
    let ratio = scale.map { 1 / $0 } ?? Double(inputs) / Double(outputs)
    switch method {
    case .nearest:
      return nearest(inputs, outputs) { (Double($0) * ratio).rounded(.down) }
    case .nearestExact:
      return nearest(inputs, outputs) { ((Double($0) + 0.5) * ratio).rounded(.down) }
    case .area: return area(inputs, outputs)
    case .linear, .cubic:
      let isCubic = method == .cubic
      let aligned = outputs > 1 ? Double(inputs - 1) / Double(outputs - 1) : 0
      if antialias {
        return widened(inputs, outputs, alignCorners ? aligned : ratio, isCubic)
      }
      return AxisMap(inputs: inputs, outputs: outputs) { output in
        let center =
          alignCorners ? Double(output) * aligned : (Double(output) + 0.5) * ratio - 0.5
        return isCubic ? cubic(center, inputs) : linear(Swift.max(center, 0), inputs)
      }
    }
  }

  private static func nearest(
    _ inputs: Int, _ outputs: Int, _ place: (Int) -> Double
  ) -> AxisMap {
    AxisMap(inputs: inputs, outputs: outputs) {
      (Int(Swift.min(place($0), Double(inputs - 1))), [1])
    }
  }

  private static func area(_ inputs: Int, _ outputs: Int) -> AxisMap {
    AxisMap(inputs: inputs, outputs: outputs) { output in
      let first = output * inputs / outputs
      let end = ((output + 1) * inputs + outputs - 1) / outputs
      return (first, [Double](repeating: 1 / Double(end - first), count: end - first))
    }
  }

  private static func linear(_ center: Double, _ inputs: Int) -> (Int, [Double]) {
    let first = Int(Swift.min(center, Double(inputs - 1)))
    let part = Swift.min(center, Double(inputs - 1)) - Double(first)
    return first + 1 < inputs && part > 0 ? (first, [1 - part, part]) : (first, [1])
  }

  /// Keys's cubic with a = -0.75 over the four places around; those outside are the border's.
  private static func cubic(_ center: Double, _ inputs: Int) -> (Int, [Double]) {
    let base = Int(center.rounded(.down))
    let low = Swift.min(Swift.max(base - 1, 0), inputs - 1)
    let high = Swift.min(Swift.max(base + 2, 0), inputs - 1)
    var weights = [Double](repeating: 0, count: high - low + 1)
    for place in base - 1...base + 2 {
      weights[Swift.min(Swift.max(place, 0), inputs - 1) - low] += keys(
        center - Double(place), -0.75)
    }
    return (low, weights)
  }

  /// The kernel widened to the places that one output covers, its weights divided by their sum.
  private static func widened(
    _ inputs: Int, _ outputs: Int, _ ratio: Double, _ isCubic: Bool
  ) -> AxisMap {
    let width = Swift.max(ratio, 1)
    let support = (isCubic ? 2 : 1) * width
    return AxisMap(inputs: inputs, outputs: outputs) { output in
      let center = (Double(output) + 0.5) * ratio
      let first = Swift.min(Swift.max(Int(center - support + 0.5), 0), inputs - 1)
      let end = Swift.max(Swift.min(Int(center + support + 0.5), inputs), first + 1)
      var weights = (first..<end).map { place in
        let distance = (Double(place) + 0.5 - center) / width
        return isCubic ? keys(distance, -0.5) : Swift.max(1 - Swift.abs(distance), 0)
      }
      let sum = weights.reduce(0, +)
      if sum != 0 { for place in weights.indices { weights[place] /= sum } }
      return (first, weights)
    }
  }

  /// Keys, "Cubic convolution interpolation", 1981, equation 15.
  private static func keys(_ distance: Double, _ a: Double) -> Double {
    let x = Swift.abs(distance)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return 0
  }
}

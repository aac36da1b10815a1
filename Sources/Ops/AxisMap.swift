import CTapestryKernels

/// A sparse matrix that maps the places of one axis to others: output i is the sum of weights times a run of neighbouring inputs.
///
/// Immutable once made.
final class AxisMap: Sendable {
  let inputs: Int
  let outputs: Int
  /// The first input of each output; never falling.
  private let firsts: [Int64]
  /// Where the weights of each output begin, and the end of the last.
  private let starts: [Int64]
  private let weights: [Double]

  /// - Parameter run: the first input of an output and its weights; they lie within `inputs`.
  init(inputs: Int, outputs: Int, _ run: (Int) -> (first: Int, weights: [Double])) {
    (self.inputs, self.outputs) = (inputs, outputs)
    var (firsts, starts, weights): ([Int64], [Int64], [Double]) = ([], [0], [])
    for output in 0..<outputs {
      let part = run(output)
      firsts.append(Int64(part.first))
      weights += part.weights
      starts.append(Int64(weights.count))
    }
    (self.firsts, self.starts, self.weights) = (firsts, starts, weights)
  }

  /// The map back: gradients of outputs to gradients of inputs.
  var transposed: AxisMap {
    var rows = [(first: Int, weights: [Double])](repeating: (0, []), count: inputs)
    for output in 0..<outputs {
      for place in Int(starts[output])..<Int(starts[output + 1]) {
        let input = Int(firsts[output]) + place - Int(starts[output])
        if rows[input].weights.isEmpty { rows[input].first = output }
        // Outputs between two that an input reaches may not need it.
        while rows[input].first + rows[input].weights.count < output {
          rows[input].weights.append(0)
        }
        if rows[input].first + rows[input].weights.count == output {
          rows[input].weights.append(weights[place])
        } else {
          rows[input].weights[output - rows[input].first] += weights[place]
        }
      }
    }
    return AxisMap(inputs: outputs, outputs: inputs) { rows[$0] }
  }

  func withKernelMap<Result>(_ body: (UnsafePointer<tapestry_axis_map>) -> Result) -> Result {
    firsts.withUnsafeBufferPointer { firsts in
      starts.withUnsafeBufferPointer { starts in
        weights.withUnsafeBufferPointer { weights in
          var map = tapestry_axis_map(
            inputs: Int64(inputs), outputs: Int64(outputs), firsts: firsts.baseAddress,
            starts: starts.baseAddress, weights: weights.baseAddress)
          return body(&map)
        }
      }
    }
  }

  /// The map that changes nothing.
  static func identity(_ count: Int) -> AxisMap {
    AxisMap(inputs: count, outputs: count) { ($0, [1]) }
  }
}

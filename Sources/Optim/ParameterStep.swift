import CTapestryKernels
import TapestryGraph

/// One parameter's step, as memory of elements of `dtype`.
struct ParameterStep {
  let spec: TensorSpec
  /// 1 at the parameter's first update.
  let number: Int
  let learningRate: Double
  let weightDecay: Double
  /// Multiplies the gradient before anything else.
  let gradientScale: Double
  let gradient: UnsafeRawPointer
  /// One array per slot of the rule.
  let state: [UnsafeMutableRawPointer]
  let parameter: UnsafeMutableRawPointer
  let scratch: ScratchMemory

  var dtype: DType { spec.dtype }
  var count: Int { spec.shape.elementCount }

  /// Runs one of the kernels' rules on all elements.
  ///
  /// - Parameters:
  ///   - states: in the kernel's order, `nil` where there is none.
  ///   - direction: takes the gradient's place.
  ///   - set: fills in the constants besides rate, decay and scale.
  func run(
    _ rule: Int, _ states: UnsafeMutableRawPointer?..., along direction: UnsafeRawPointer? = nil,
    _ set: (inout tapestry_step) -> Void
  ) {
    var constants = tapestry_step()
    constants.learning_rate = learningRate
    constants.weight_decay = weightDecay
    constants.gradient_scale = gradientScale
    set(&constants)
    let states = states + Array(repeating: nil, count: 3 - states.count)
    tapestry_optimizer_step(
      Int32(rule), dtype.code, Int64(count), &constants, direction ?? gradient, states, parameter)
  }

  /// θ ← shrink θ - rate d
  func move(along direction: UnsafeRawPointer, rate: Double, shrink: Double = 1) {
    run(TAPESTRY_MOVE, along: direction) {
      $0.learning_rate = rate
      $0.shrink = shrink
      $0.gradient_scale = 1
    }
  }

  /// The Euclidean norm of as many elements as the parameter has.
  func norm(_ x: UnsafeRawPointer) -> Double {
    tapestry_sqrt(tapestry_sum_of_squares(dtype.code, Int64(count), x))
  }

  /// An array for `count` elements that nobody remembers, `index` telling apart those of one step.
  func temporary(_ index: Int = 0, count: Int? = nil) -> UnsafeMutableRawPointer {
    scratch.memory(index, bytes: (count ?? self.count) * (dtype == .float64 ? 8 : 4))
  }
}

/// Memory for what lasts for a step, kept for the next, as large as the largest parameter asked for.
final class ScratchMemory {
  private var blocks: [Int: (memory: UnsafeMutableRawPointer, bytes: Int)] = [:]

  func memory(_ index: Int, bytes: Int) -> UnsafeMutableRawPointer {
    if let block = blocks[index], block.bytes >= bytes { return block.memory }
    blocks[index]?.memory.deallocate()
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
    blocks[index] = (memory, max(bytes, 64))
    return memory
  }

  deinit { for block in blocks.values { block.memory.deallocate() } }
}

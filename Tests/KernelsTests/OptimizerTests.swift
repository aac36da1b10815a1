import CTapestryKernels
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension KernelSuite {
  @Suite struct OptimizerSteps {
    static let counts = [0, 1, 15, 16, 17, 33, 1000, 70_001]

    @Test("a moment decayed into denormal numbers becomes zero; other arithmetic keeps them")
    func denormals() {
      let count = 40
      var gradient = [Float](repeating: 0, count: count)
      var buffer = [Float](repeating: 1000 * .leastNonzeroMagnitude, count: count)
      var parameter = [Float](repeating: 1, count: count)
      var k = tapestry_sgd(
        learning_rate: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0, gradient_scale: 1,
        nesterov: false, first: false)
      tapestry_sgd_step(
        Int32(TAPESTRY_FLOAT32), Int64(count), &k, &gradient, &buffer, &parameter)
      #expect(buffer.allSatisfy { $0 == 0 })
      #expect(parameter.allSatisfy { $0 == 1 })
      let small = [Float](repeating: 4 * .leastNonzeroMagnitude, count: count)
      var half = small
      tapestry_unary(
        Int32(TAPESTRY_AFFINE), Int32(TAPESTRY_FLOAT32), Int64(count), small, &half, 0.5, 0)
      #expect(half.allSatisfy { $0 == 2 * Float.leastNonzeroMagnitude })
    }

    @Test("every other rule: nothing outside is touched, and each element moves as it would alone")
    func rules() {
      for rule in 0...TAPESTRY_MOVE {
        for count in Self.counts.dropLast() {
          var numbers = TestNumbers(UInt64(count + rule))
          let (p, g) = (numbers.values(count), numbers.values(count))
          let states = (0..<3).map { _ in numbers.values(count).map { $0 * $0 } }
          var k = tapestry_step()
          k.learning_rate = 0.1
          k.weight_decay = 0.05
          k.gradient_scale = 2
          (k.beta1, k.beta2, k.epsilon, k.momentum) = (0.9, 0.99, 1e-3, 0.5)
          (k.correction1, k.correction2, k.gradient_rate) = (0.19, 0.0199, 0.01)
          (k.lowest, k.highest, k.shrink, k.grow) = (1e-3, 1, 0.5, 1.2)
          k.rectified = true
          for dtype in KernelRuns.dtypes {
            let gradient = GuardedMemory(dtype, g)
            let (whole, single) = (GuardedMemory(dtype, p), GuardedMemory(dtype, p))
            let (state, alone) = (
              states.map { GuardedMemory(dtype, $0) }, states.map { GuardedMemory(dtype, $0) }
            )
            let pointers = state.map { Optional(UnsafeMutableRawPointer($0.pointer)) }
            tapestry_optimizer_step(
              Int32(rule), dtype, Int64(count), &k, gradient.pointer, pointers, whole.pointer)
            let size = dtype == Int32(TAPESTRY_FLOAT32) ? 4 : 8
            for index in 0..<count {
              let at = index * size
              let pointers = alone.map { Optional(UnsafeMutableRawPointer($0.pointer) + at) }
              tapestry_optimizer_step(
                Int32(rule), dtype, 1, &k, UnsafeRawPointer(gradient.pointer) + at, pointers,
                UnsafeMutableRawPointer(single.pointer) + at)
            }
            for (one, other) in zip(state + [whole], alone + [single]) {
              #expect(one.guardsAreIntact && other.guardsAreIntact)
              #expect(
                memcmp(one.pointer, other.pointer, count * size) == 0, "rule \(rule), \(count)")
            }
          }
        }
      }
    }

    @Test("SGD: one step, with and without momentum, Nesterov's and the first")
    func sgd() {
      for count in Self.counts {
        for kind in 0..<4 {
          var numbers = TestNumbers(UInt64(count + kind))
          let (p, g, b) = (numbers.values(count), numbers.values(count), numbers.values(count))
          var k = tapestry_sgd(
            learning_rate: 0.1, momentum: 0.9, dampening: 0.25, weight_decay: 0.01,
            gradient_scale: 0.5,
            nesterov: kind == 2, first: kind == 3)
          var buffer = b
          var parameter = p
          for i in 0..<count {
            let gradient = 0.5 * g[i] + 0.01 * p[i]
            buffer[i] = kind == 3 ? gradient : 0.9 * b[i] + 0.75 * gradient
            let step = kind == 0 ? gradient : kind == 2 ? gradient + 0.9 * buffer[i] : buffer[i]
            parameter[i] = p[i] - 0.1 * step
          }
          for dtype in KernelRuns.dtypes {
            let mg = GuardedMemory(dtype, g)
            var last = GuardedMemory(dtype, b)
            KernelRuns.check(
              dtype, start: p, expected: parameter, tolerance: (1e-6, 1e-15),
              "\(count), kind \(kind)"
            ) {
              last = GuardedMemory(dtype, b)
              tapestry_sgd_step(
                dtype, Int64(count), &k, mg.pointer, kind == 0 ? nil : last.pointer, $0)
            }
            #expect(last.guardsAreIntact && mg.guardsAreIntact)
            #expect(last.error(against: kind == 0 ? b : buffer, floor: 1) < 1e-6)
          }
        }
      }
    }

    @Test("Adam: one step, decoupled decay and AMSGrad too")
    func adam() {
      for count in Self.counts {
        for kind in 0..<3 {
          var numbers = TestNumbers(UInt64(count + kind))
          let (p, g, m) = (numbers.values(count), numbers.values(count), numbers.values(count))
          let v = numbers.values(count).map { $0 * $0 }
          let w = numbers.values(count).map { $0 * $0 }
          var k = tapestry_adam(
            learning_rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weight_decay: 0.05,
            gradient_scale: 2,
            correction1: 0.19, correction2: 0.0199, decoupled: kind == 1)
          var (first, second, largest, parameter) = (m, v, w, p)
          for i in 0..<count {
            let gradient = 2 * g[i] + (kind == 1 ? 0 : 0.05 * p[i])
            first[i] = 0.9 * m[i] + 0.1 * gradient
            second[i] = 0.99 * v[i] + 0.01 * gradient * gradient
            if kind == 2 { largest[i] = max(w[i], second[i]) }
            let spread = kind == 2 ? largest[i] : second[i]
            let start = kind == 1 ? p[i] * (1 - 0.1 * 0.05) : p[i]
            parameter[i] = start - 0.1 * (first[i] / 0.19) / ((spread / 0.0199).squareRoot() + 1e-3)
          }
          for dtype in KernelRuns.dtypes {
            let mg = GuardedMemory(dtype, g)
            var state = [m, v, w].map { GuardedMemory(dtype, $0) }
            KernelRuns.check(
              dtype, start: p, expected: parameter, tolerance: (1e-5, 1e-13),
              "\(count), kind \(kind)"
            ) {
              state = [m, v, w].map { GuardedMemory(dtype, $0) }
              tapestry_adam_step(
                dtype, Int64(count), &k, mg.pointer, state[0].pointer, state[1].pointer,
                kind == 2 ? state[2].pointer : nil, $0)
            }
            for (memory, expected) in zip(state, [first, second, largest]) {
              #expect(memory.guardsAreIntact)
              #expect(memory.error(against: expected, floor: 1) < 1e-6)
            }
          }
        }
      }
    }
  }
}

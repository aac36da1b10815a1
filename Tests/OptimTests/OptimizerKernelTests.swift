import CTapestryKernels
import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

/// In processes of their own, because they choose what is the process's, or count what it allocates.
@Suite struct OptimizerKernelTests {
  @Test("a steady step makes no memory for parameters or state")
  func steady() async {
    await #expect(processExitsWith: .success) {
      for kind in OptimizerKind.parameterwise {
        for dtype in [DType.float32, .float64] {
          let parameters = makeParameters(dtype, count: 2000)
          let gradients = makeGradients(parameters, step: 0)
          let optimizer = kind.make(parameters)
          optimizer.update(along: gradients)
          let before = LiveCounters.storagesMade
          for _ in 0..<10 { optimizer.update(along: gradients) }
          #expect(LiveCounters.storagesMade == before, "\(kind.name), \(dtype)")
        }
      }
    }
  }

  @Test("a step has the same bits on one, two and three threads")
  func threads() async {
    await #expect(processExitsWith: .success) {
      for kind in OptimizerKind.all {
        var first: [UInt64] = []
        for count: Int32 in [1, 2, 3] {
          tapestry_set_thread_count(count)
          let parameters = makeParameters(.float32, count: 300_002)
          let optimizer = kind.make(parameters)
          var gradients = makeGradients(parameters, step: 0)
          gradients = gradients.clipped(toNorm: 100).gradients
          for _ in 0..<2 { optimizer.update(along: gradients) }
          if first.isEmpty { first = bits(parameters) }
          #expect(bits(parameters) == first, "\(kind.name): \(count) threads give other bits")
        }
      }
    }
  }

  @Test("all kernel variants step alike, whatever the size")
  func variants() async {
    await #expect(processExitsWith: .success) {
      let names = (0..<tapestry_cpu_variant_count()).map {
        String(cString: tapestry_cpu_variant_name($0)!)
      }
      for kind in OptimizerKind.all {
        for count in [2, 14, 34, 2050] {
          var first: [Tensor] = []
          for name in names {
            #expect(tapestry_cpu_select(name))
            let parameters = makeParameters(.float64, count: count)
            let optimizer = kind.make(parameters)
            for step in 0..<3 { optimizer.update(along: makeGradients(parameters, step: step)) }
            let values = parameters.map(\.value)
            if first.isEmpty { first = values }
            for (a, b) in zip(first, values) {
              expectClose(b, a, "\(kind.name), \(count) elements, \(name) against \(names[0])")
            }
          }
        }
      }
    }
  }

  @Test("the norm of gradients has the same bits on one, two and three threads")
  func norms() async {
    await #expect(processExitsWith: .success) {
      let parameters = makeParameters(.float32, count: 1_000_002)
      let gradients = makeGradients(parameters, step: 0)
      var first: Double?
      for count: Int32 in [1, 2, 3] {
        tapestry_set_thread_count(count)
        let norm = gradients.norm
        #expect(norm == first ?? norm)
        first = norm
      }
    }
  }
}

import CTapestryKernels
import Foundation
import TapestryGraph
import TestSupport
import Testing

/// The table on every kernel variant that this processor can run, and on one and more threads. In
/// processes of their own, because both choices are the process's.
@Suite struct OpKernels {
  @Test("what TAPESTRY_CPU and TAPESTRY_THREADS ask for is what this suite runs with")
  func asked() {
    // Whoever runs the suite under a variant that this processor lacks must not see it pass.
    let environment = ProcessInfo.processInfo.environment
    if let name = environment["TAPESTRY_CPU"], !name.isEmpty {
      #expect(String(cString: tapestry_cpu_current()) == name)
    }
    if let count = environment["TAPESTRY_THREADS"], !count.isEmpty {
      #expect(String(tapestry_thread_count()) == count)
    }
  }

  @Test("all kernel variants agree, in float32 and float64")
  func variants() async {
    await #expect(processExitsWith: .success) {
      let names = (0..<tapestry_cpu_variant_count()).map {
        String(cString: tapestry_cpu_variant_name($0)!)
      }
      for row in OpCase.all where row.checks.contains(.kernels) {
        for dtype in [DType.float64, .float32] {
          var first: [Tensor] = []
          for name in names {
            #expect(tapestry_cpu_select(name))
            let results = evaluate(row, dtype)
            if first.isEmpty { first = results }
            #expect(first.count == results.count)
            for (a, b) in zip(first, results) {
              // Weights' gradients are sums of two thousand terms of size 1, in an order of each variant's own.
              expectClose(
                b, a, "\(row.testDescription), \(dtype), \(name) against \(names[0])",
                absoluteTolerance: dtype == .float64 ? 1e-11 : 5e-5, equatingNaN: true)
            }
          }
        }
      }
    }
  }

  @Test("the same bits on one, two and three threads")
  func threads() async {
    await #expect(processExitsWith: .success) {
      for row in OpCase.all where row.checks.contains(.kernels) {
        var first: [Tensor] = []
        for count in [1, 2, 3] {
          tapestry_set_thread_count(Int32(count))
          let results = evaluate(row, .float32)
          if first.isEmpty { first = results }
          let isSame = zip(first, results).allSatisfy { $0.hasSameBits(as: $1) }
          #expect(
            isSame && first.count == results.count,
            "\(row.testDescription): \(count) threads give other bits than one")
        }
      }
    }
  }
}

/// The results of a row at its large inputs, and the gradients of their weighted sum.
private func evaluate(_ row: OpCase, _ dtype: DType) -> [Tensor] {
  let inputs = (row.largeInputs ?? row.inputs)().map { input in
    guard input.dtype.isFloatingPoint else { return input }
    return Tensor(input.scalars(), shape: input.shape, dtype: dtype).tracked()
  }
  let outputs = row.function(inputs)
  let tracked = outputs.filter(\.isTracked)
  let leaves = inputs.filter(\.isTracked)
  if tracked.isEmpty { return outputs }
  let gradients = gradients(
    of: tracked, withRespectTo: leaves,
    cotangents: tracked.map { sample($0.shape, seed: 7, dtype: $0.dtype) })
  return outputs + gradients.tensors
}

extension Tensor {
  /// Whether shape, type and every bit agree.
  fileprivate func hasSameBits(as other: Tensor) -> Bool {
    guard spec == other.spec else { return false }
    let bytes = spec.byteCount
    return readingMemory { a in
      other.readingMemory { b in
        UnsafeRawBufferPointer(start: a, count: bytes)
          .elementsEqual(UnsafeRawBufferPointer(start: b, count: bytes))
      }
    }
  }
}

import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let conversion: [OpCase] = [
    // Through float32 the function is a staircase, so differences say nothing; its jvp is checked, and the
    // gradient in ConversionTests.
    OpCase("converted", "and back", checks: [.kernels], inputs: [sample([131, 1031])]) { x in
      [x[0].converted(to: .float32).converted(to: .float64)]
    },
    OpCase("converted", "to the same type", inputs: [sample([3])]) { x in
      [x[0].converted(to: .float64) * 2]
    },
    OpCase("converted", "to integers and masks", checks: .valueOnly, inputs: [sample([131, 1031])])
    {
      let x = $0[0].detached() * 3
      return [
        x.converted(to: .int32), x.converted(to: .int64),
        x.converted(to: .int64).converted(to: .bool),
        x.converted(to: .int32).converted(to: .float32),
      ]
    },
  ]
}

extension MisuseCase {
  /// Every type converts to every other.
  static let conversion: [MisuseCase] = []
}

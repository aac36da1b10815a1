import CTapestryKernels
import Foundation
import Testing

extension KernelSuite {
  /// The gamma function's family, the inverse error function and the cardinal sine: where the library has no such function, by the
  /// equations that define them.
  @Suite struct SpecialFunctions {
    private static func values(_ function: Int, _ x: [Double], order: Double = 0) -> [Double] {
      var y = [Double](repeating: -77, count: x.count)
      tapestry_unary(
        Int32(function), Int32(TAPESTRY_FLOAT64), Int64(x.count), x, &y, order, 0)
      return y
    }

    private static func expectClose(
      _ a: [Double], _ b: [Double], _ label: String, relative: Double, absolute: Double
    ) {
      for (index, (u, v)) in zip(a, b).enumerated() {
        if u == v || (u.isNaN && v.isNaN) { continue }
        if !(abs(u - v) <= absolute + relative * abs(v)) {
          Issue.record("\(label): number \(index) is \(u), but should be \(v)")
          return
        }
      }
    }

    private static let places: [Double] = {
      var numbers = TestNumbers(11)
      return (0..<4001).map { _ in numbers.value() * 60 + 1e-3 }
    }()

    @Test("lgamma agrees with Foundation's, poles and infinities too")
    func logGamma() {
      let special = [
        0, -0.0, -1, -2, -1000, .infinity, -.infinity, .nan, 1, 2, 1e-300, -1e-300, 1e300, 1e307,
        171.5, 0.5, 1.5, 2.5, 8, 1 + 1e-9, 2 - 1e-9,
      ]
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        let x = Self.places + special
        Self.expectClose(
          Self.values(TAPESTRY_LGAMMA, x), x.map { Foundation.lgamma($0).0 }, "lgamma, \(variant)",
          relative: 2e-15, absolute: 2e-14)
      }
    }

    @Test(
      "the polygamma functions fulfil their recurrence and reflection, and digamma is lgamma's slope"
    )
    func polygamma() {
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        let x = Self.places.filter { abs($0 - $0.rounded()) > 0.05 }
        for order in [0, 1, 2, 3, 7] {
          let here = Self.values(TAPESTRY_POLYGAMMA, x, order: Double(order))
          let next = Self.values(TAPESTRY_POLYGAMMA, x.map { $0 + 1 }, order: Double(order))
          let factorial = (1..<order + 1).reduce(1.0) { $0 * Double($1) }
          let sign = order % 2 == 0 ? 1.0 : -1
          let jump = x.map { sign * factorial / pow($0, Double(order + 1)) }
          for index in x.indices {
            let scale = abs(here[index]) + abs(jump[index]) + 1e-12
            let error = abs(next[index] - here[index] - jump[index]) / scale
            if !(error < 1e-10) {
              Issue.record("order \(order) at \(x[index]), \(variant): off by \(error)")
              break
            }
          }
        }
        let known = Self.values(TAPESTRY_POLYGAMMA, [1, 0.5, 0, -0.0, -1, .infinity, .nan])
        let euler = 0.577_215_664_901_532_9
        Self.expectClose(
          known, [-euler, -euler - 2 * log(2), -.infinity, .infinity, .nan, .infinity, .nan],
          "digamma, \(variant)", relative: 1e-15, absolute: 1e-15)
        let trigamma = Self.values(TAPESTRY_POLYGAMMA, [1, 0.5, 0, -3], order: 1)
        let square = Double.pi * Double.pi
        Self.expectClose(
          trigamma, [square / 6, square / 2, .infinity, .infinity], "trigamma, \(variant)",
          relative: 1e-15, absolute: 0)
      }
    }

    @Test("the inverse error function is the inverse, in the tails too")
    func errorFunctionInverse() {
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        let x = (0..<2001).map { -5.4 + 0.0054 * Double($0) } + [1e-12, -1e-200]
        let y = Self.values(TAPESTRY_ERF_INVERSE, x.map { erf($0) })
        for (index, place) in x.enumerated() {
          // Rounding erf x by half a unit moves x by that over the slope.
          let slope = 2 / Double.pi.squareRoot() * exp(-place * place)
          let allowed = 4 * place.ulp + 2 * erf(place).ulp / slope
          if !(abs(y[index] - place) <= allowed) {
            Issue.record("\(variant): \(y[index]) at \(place)")
            break
          }
        }
        Self.expectClose(
          Self.values(TAPESTRY_ERF_INVERSE, [1, -1, 1.5, .nan, 0]),
          [.infinity, -.infinity, .nan, .nan, 0], "erfInverse, \(variant)", relative: 0, absolute: 0
        )
      }
    }

    @Test("the cardinal sine and its slopes: values near and far from 0, zeros at whole numbers")
    func cardinalSine() {
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        let x = Self.places
        Self.expectClose(
          Self.values(TAPESTRY_SINC, x), x.map { sin(.pi * $0) / (.pi * $0) }, "sinc, \(variant)",
          relative: 1e-12, absolute: 1e-15)
        Self.expectClose(
          Self.values(TAPESTRY_SINC, [0, 1, -7, 1e17, .infinity, .nan]), [1, 0, 0, 0, 0, .nan],
          "sinc, \(variant)", relative: 0, absolute: 0)
        // Both ways of computing a slope meet where one ends and the other begins.
        for order in 1...6 {
          let border = order < 4 ? 1.0 : Double(order) / 3
          let around = Self.values(
            TAPESTRY_SINC, [border - 1e-9, border + 1e-9], order: Double(order))
          Self.expectClose(
            [around[0]], [around[1]], "order \(order), \(variant)", relative: 1e-7, absolute: 1e-6)
        }
        let pi2 = Double.pi * Double.pi
        Self.expectClose(
          Self.values(TAPESTRY_SINC, [0], order: 2), [-pi2 / 3], "curvature at 0", relative: 1e-15,
          absolute: 0)
      }
    }
  }
}

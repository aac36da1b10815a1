import TapestryGraph
import Testing

// Outside the exit test, in whose expansion `#line` is not that of this file.
private let float32Line = #line + 2
private func checkFloat32() {
  _ = checkGradients(at: Tensor([1, 2])) { scale($0, 2) }
}

/// Tests of the checker itself: it must pass what is right, and above all fail what is wrong.
@Suite struct GradientCheckTests {
  private let point = Tensor([0.3, -1.2, 0.7, 2.1], shape: [2, 2], dtype: .float64)

  // MARK: What is right passes

  @Test("right gradients pass, in first and second order", arguments: [1, 2])
  func passes(order: Int) {
    let other = Tensor([1.5, 0.2, -0.4, 0.9], shape: [2, 2], dtype: .float64)
    let report = checkGradients(at: [point, other], options: .init(order: order)) { x in
      times(sine(times(x[0], x[1])), scale(x[0], 3))
    }
    #expect(report.passed, "\(report)")
    #expect(report.fault == nil)
    #expect(report.skipped == 0)
    // Four results by eight inputs, and for the second order two gradients of them by eight inputs.
    #expect(report.checked == (order == 1 ? 32 : 48))
    #expect(report.description.hasPrefix("gradients agree"))
  }

  @Test("an op by itself is checked, with its own names for its inputs")
  func operation() {
    let report = checkGradients(of: Times(), at: [point, point], options: .init(order: 2))
    #expect(report.passed, "\(report)")
    #expect(report.worst?.input.hasPrefix("input ") == true)
  }

  @Test("a loop and a branch over the values pass, with an input used many times")
  func controlFlow() {
    let report = checkGradients(at: point) { x in
      var y = x
      for step in 0..<5 { y = total(y).item > 0 ? times(y, x) : scale(sine(y), Double(step)) }
      return y
    }
    #expect(report.passed, "\(report)")
  }

  @Test("integer points are passed on and not moved")
  func integers() {
    let labels = Tensor(integers: [1, 0])
    let report = checkGradients(at: [point, labels]) { x in
      scale(x[0], Double(x[1].integers()[0]))
    }
    #expect(report.passed, "\(report)")
    #expect(report.checked == 16)
  }

  @Test("random numbers in the function repeat exactly")
  func randomness() {
    let report = checkGradients(at: point) { x in
      times(x, .uniform(x.shape, dtype: .float64))
    }
    #expect(report.passed, "\(report)")
  }

  // MARK: What is wrong fails

  @Test("a planted fault in one op of ten is named with its op and its line")
  func plantedFault() {
    let wrong = Scale(factor: 1.5, claimedFactor: 1.5001)
    let line = #line + 7
    let report = checkGradients(at: point) { x in
      var y = sine(x)
      y = times(y, x)
      y = scale(y, 2)
      y = sine(y)
      y = scale(y, -1)
      y = apply(wrong, to: [y])[0]
      y = times(y, y)
      y = scale(y, 0.5)
      y = sine(y)
      return scale(y, 3)
    }
    #expect(!report.passed)
    #expect(report.fault?.operation == "scale")
    #expect(report.fault?.site.line == UInt(line))
    #expect(report.fault?.site.description == "GradientCheckTests.swift:\(line)")
    #expect(report.description.contains("at fault: scale at GradientCheckTests.swift:\(line)"))
    let comparison = report.fault?.comparison
    #expect(comparison?.analytic == 1.5001)
    #expect(abs((comparison?.numeric ?? 0) - 1.5) < 1e-9)
  }

  @Test("a fault that only second derivatives show is found in second order")
  func secondOrderFault() {
    func body(_ x: Tensor) -> Tensor { apply(Sine(isFaulty: true), to: [x])[0] }
    #expect(checkGradients(at: point, of: body).passed)
    let report = checkGradients(at: point, options: .init(order: 2), of: body)
    #expect(!report.passed)
    #expect(report.failures.allSatisfy { $0.order == 2 })
    #expect(report.fault?.operation == "sine")
    #expect(report.fault?.site.line == UInt(#line - 6))
  }

  @Test("every kind of wrong backward fails and is located", arguments: Broken.Way.allCases)
  func brokenBackward(way: Broken.Way) {
    let report = checkGradients(at: point) { x in sine(broken(scale(x, 2), way)) }
    #expect(!report.passed)
    #expect(report.fault?.operation == "broken")
    #expect(report.fault?.site.line == UInt(#line - 3))
    let alone = checkGradients(of: Broken(way: way), at: [point])
    #expect(!alone.passed)
  }

  @Test("the worst element is named by its index")
  func worstElement() {
    let report = checkGradients(of: Broken(way: .lastElement), at: [point])
    #expect(report.failures.count == 1)
    #expect(report.worst?.index == [1, 1])
    #expect(report.description.contains("input[1, 1]: analytic 1.333"))
  }

  @Test("a function that makes NaN fails")
  func notANumber() {
    let report = checkGradients(at: point) { x in scale(x, .nan) }
    #expect(!report.passed)
    #expect(report.failures.count == report.checked)
    #expect(report.worst?.severity == .infinity)
  }

  @Test("a value that bypasses the graph fails, and no op is accused")
  func bypass() {
    let report = checkGradients(at: point) { x in times(x, x.detached()) }
    #expect(!report.passed)
    #expect(report.fault == nil)
    #expect(report.description.contains("every op by itself agrees"))
  }

  @Test("a fault below the tolerance passes, just above it fails")
  func tolerance() {
    for (error, passes) in [(1e-7, true), (1e-5, false)] {
      let operation = Scale(factor: 1, claimedFactor: 1 + error)
      #expect(checkGradients(of: operation, at: [point]).passed == passes)
    }
    let operation = Scale(factor: 1, claimedFactor: 1 + 1e-5)
    let loose = GradientCheckOptions(relativeTolerance: 1e-4)
    #expect(checkGradients(of: operation, at: [point], options: loose).passed)
  }

  // MARK: Large inputs

  @Test("a large input is compared along directions and in single entries")
  func directions() {
    let large = Tensor.uniform(
      [200, 200], from: -1, to: 1, dtype: .float64, source: .init(seed: 3))
    let options = GradientCheckOptions()
    let report = checkGradients(at: large) { x in times(sine(x), x) }
    #expect(report.passed, "\(report)")
    #expect(report.checked == options.directions + options.entries)
  }

  @Test("a wrong backward of a large input fails", arguments: Broken.Way.allCases)
  func largeFault(way: Broken.Way) {
    let large = Tensor.uniform(
      [200, 200], from: -1, to: 1, dtype: .float64, source: .init(seed: 3))
    let report = checkGradients(at: large) { x in broken(scale(x, 2), way) }
    #expect(!report.passed, "\(report)")
    #expect(report.fault?.operation == "broken")
  }

  // MARK: Kinks

  @Test("an element at a kink is skipped, counted and named; the rest is compared")
  func kinks() {
    let x = Tensor([0.5, 1e-7, -0.5], dtype: .float64)
    let report = checkGradients(at: x) { rectify(scale($0, 1)) }
    #expect(report.passed, "\(report)")
    #expect(report.skipped == 1)
    #expect(report.checked == 6)
    let kink = report.kinks.first ?? ""
    #expect(report.kinks.count == 1)
    #expect(kink.hasPrefix("rectify at GradientCheckTests.swift:\(#line - 6)"))
    #expect(kink.contains("element 1 sits 1e-07 from a kink"))
    #expect(report.description.contains("skipped 1 whose steps cross a kink"))
  }

  @Test("an element near a kink is compared with a smaller step")
  func nearKink() {
    let report = checkGradients(at: Tensor([1e-5, -1e-5], dtype: .float64)) { rectify($0) }
    #expect(report.passed, "\(report)")
    #expect(report.skipped == 0)
    #expect(report.checked == 4)
  }

  @Test("when every step crosses a kink the check does not pass")
  func nothingCompared() {
    let report = checkGradients(at: Tensor([0], dtype: .float64)) { rectify($0) }
    #expect(report.checked == 0)
    #expect(!report.passed)
    #expect(report.description.contains("nothing was compared"))
  }

  @Test("a kink does not excuse a fault elsewhere")
  func kinkAndFault() {
    let x = Tensor([0.5, 1e-7, -0.5], dtype: .float64)
    let report = checkGradients(at: x) { broken(rectify($0), .lastElement) }
    #expect(report.skipped == 1)
    #expect(!checkGradients(at: x) { broken(scale(rectify($0), 2), .averaged) }.passed)
    #expect(!checkGradients(at: x) { rectify(broken($0, .averaged)) }.passed)
  }

  // MARK: Refusals

  @Test("float32 is refused with the remedy")
  func float32() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      checkFloat32()
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("input 0 is float32, in which central differences are mostly noise"))
    #expect(text.contains("x.converted(to: .float64)"))
    #expect(text.contains("GradientCheckTests.swift:\(float32Line)"))
  }
}

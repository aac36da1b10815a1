import TapestryGraph
import TapestryTesting
import Testing

/// y = factor x, whose backward claims another factor.
private struct Stretch: TensorOperation {
  let factor: Double
  let claimed: Double

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    [scaled(inputs[0], factor)]
  }
  func backward(_ node: borrowing Differential) -> Tensors { [scaled(node.cotangent, claimed)] }

  private func scaled(_ x: Tensor, _ factor: Double) -> Tensor {
    Tensor(x.scalars().map { factor * $0 }, shape: x.shape, dtype: x.dtype)
  }
}

private func stretch(
  _ x: Tensor, claimed: Double = 2, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Stretch(factor: 2, claimed: claimed), to: [x], file: file, line: line)[0]
}

@Suite struct GradientExpectationTests {
  private let point = Tensor([1, 2, 3], dtype: .float64)

  @Test("right gradients are no issue, in every form")
  func passes() {
    let weight = Parameter(Tensor([1, 2]), name: "weight")
    #expect(expectGradients(at: point) { stretch($0) }.passed)
    #expect(expectGradients(at: [point]) { stretch($0[0]) }.passed)
    #expect(expectGradients(of: Stretch(factor: 2, claimed: 2), at: [point]).passed)
    #expect(expectGradients(ofParametersIn: [weight]) { _ in stretch(weight) }.passed)
  }

  @Test("a wrong gradient is an issue at the line of the expectation, with the report")
  func fails() {
    let weight = Parameter(Tensor([1, 2]), name: "weight")
    let line = #line
    let forms: [(offset: Int, run: () -> Void)] = [
      (2, { expectGradients(at: self.point) { stretch($0, claimed: 3) } }),
      (3, { expectGradients(at: [self.point]) { stretch($0[0], claimed: 3) } }),
      (4, { expectGradients(of: Stretch(factor: 2, claimed: 3), at: [self.point]) }),
      (5, { expectGradients(ofParametersIn: [weight]) { _ in stretch(weight, claimed: 3) } }),
    ]
    for (offset, run) in forms {
      withKnownIssue {
        run()
      } matching: { issue in
        let text = issue.comments.map(\.rawValue).joined()
        return issue.sourceLocation?.line == line + offset
          && issue.sourceLocation?.fileName == "GradientExpectationTests.swift"
          && text.contains("gradients do not agree")
          && text.contains("at fault: stretch at GradientExpectationTests.swift:\(line + offset)")
      }
    }
  }
}

import Foundation
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Sizes and values at the edge, family by family; more of them stand with their ops.
@Suite struct EdgeValues {
  /// A call on an input of a shape, and the shape that comes back.
  struct Shaped: Sendable, CustomTestStringConvertible {
    let name: String
    let input: TensorShape
    let output: TensorShape
    let function: @Sendable (Tensor) -> Tensor

    init(
      _ name: String, _ input: TensorShape, _ output: TensorShape,
      _ function: @escaping @Sendable (Tensor) -> Tensor
    ) {
      self.name = name
      self.input = input
      self.output = output
      self.function = function
    }

    var testDescription: String { "\(name) of \(input)" }
  }

  private static func labels(_ shape: TensorShape) -> Tensor {
    Tensor(
      integers: [Int](repeating: 0, count: shape.elementCount), shape: shape)
  }

  static let empty: [Shaped] =
    [
      Shaped("relu", [0, 3], [0, 3]) { relu($0) },
      Shaped("elu", [0, 3], [0, 3]) { elu($0) },
      Shaped("gelu", [0, 3], [0, 3]) { gelu($0) },
      Shaped("clip", [0, 3], [0, 3]) { clip($0, min: 0, max: 1) },
      Shaped("pow", [0, 3], [0, 3]) { pow($0, $0) },
      Shaped("maximum", [0, 3], [0, 3]) { maximum($0, $0 * 2) },
      Shaped("select", [0, 3], [0, 3]) { select(where: $0 .> 0, $0, else: -$0) },
      Shaped("sum", [0, 3], [3]) { $0.sum(along: 0) },
      Shaped("mean of nothing along the other axis", [0, 3], [0]) { $0.mean(along: 1) },
      Shaped("max along the other axis", [0, 3], [0]) { $0.max(along: 1) },
      Shaped("norm", [0, 3], [3]) { $0.norm(along: 0) },
      Shaped("logSumExp", [0, 3], [0]) { $0.logSumExp(along: 1) },
      Shaped("variance", [0, 3], [0]) { $0.variance(along: 1) },
      Shaped("matmul", [0, 3], [0, 2]) { matmul($0, sample([3, 2])) },
      Shaped("matmul, batched", [0, 4, 3], [0, 4, 2]) { matmul($0, sample([3, 2])) },
      Shaped("linear", [0, 3], [0, 2]) { linear($0, sample([2, 3]), bias: sample([2])) },
      Shaped("conv1d", [0, 2, 6], [0, 3, 5]) { conv1d($0, sample([3, 2, 2])) },
      Shaped("conv2d", [0, 2, 6, 5], [0, 3, 4, 3]) { conv2d($0, sample([3, 2, 3, 3])) },
      Shaped("conv2d, depthwise", [0, 2, 6, 5], [0, 2, 4, 3]) {
        conv2d($0, sample([2, 1, 3, 3]), groups: 2)
      },
      Shaped("convTranspose2d", [0, 2, 3, 3], [0, 3, 5, 5]) {
        convTranspose2d($0, sample([2, 3, 3, 3]))
      },
      Shaped("conv3d", [0, 2, 3, 4, 4], [0, 3, 2, 3, 3]) { conv3d($0, sample([3, 2, 2, 2, 2])) },
      Shaped("conv3d, 1x1x1", [0, 2, 3, 4, 4], [0, 3, 3, 4, 4]) {
        conv3d($0, sample([3, 2, 1, 1, 1]))
      },
      Shaped("convTranspose1d", [0, 2, 3], [0, 3, 5]) { convTranspose1d($0, sample([2, 3, 3])) },
      Shaped("convTranspose3d", [0, 2, 3, 3, 3], [0, 3, 4, 4, 4]) {
        convTranspose3d($0, sample([2, 3, 2, 2, 2]))
      },
      Shaped("maxPool1d", [0, 2, 4], [0, 2, 2]) { maxPool1d($0, window: 2) },
      Shaped("averagePool1d", [0, 2, 4], [0, 2, 2]) { averagePool1d($0, window: 2) },
      Shaped("adaptiveAveragePool1d", [0, 2, 4], [0, 2, 3]) {
        adaptiveAveragePool1d($0, outputSize: 3)
      },
      Shaped("adaptiveMaxPool1d", [0, 2, 4], [0, 2, 3]) { adaptiveMaxPool1d($0, outputSize: 3) },
      Shaped("maxPool3d", [0, 2, 4, 4, 4], [0, 2, 2, 2, 2]) { maxPool3d($0, window: 2) },
      Shaped("averagePool3d", [0, 2, 4, 4, 4], [0, 2, 2, 2, 2]) { averagePool3d($0, window: 2) },
      Shaped("adaptiveAveragePool3d", [0, 2, 4, 4, 4], [0, 2, 3, 3, 3]) {
        adaptiveAveragePool3d($0, outputSize: 3)
      },
      Shaped("adaptiveMaxPool3d", [0, 2, 4, 4, 4], [0, 2, 3, 3, 3]) {
        adaptiveMaxPool3d($0, outputSize: 3)
      },
      Shaped("maxPool2d", [0, 2, 4, 4], [0, 2, 2, 2]) { maxPool2d($0, window: 2) },
      Shaped("averagePool2d", [0, 2, 4, 4], [0, 2, 2, 2]) { averagePool2d($0, window: 2) },
      Shaped("sumPool2d", [0, 2, 4, 4], [0, 2, 2, 2]) { sumPool2d($0, window: 2) },
      Shaped("lpPool2d", [0, 2, 4, 4], [0, 2, 2, 2]) { lpPool2d($0, window: 2, exponent: 2) },
      Shaped("adaptiveAveragePool2d", [0, 2, 4, 5], [0, 2, 3, 3]) {
        adaptiveAveragePool2d($0, outputSize: 3)
      },
      Shaped("adaptiveMaxPool2d", [0, 2, 4, 5], [0, 2, 3, 3]) {
        adaptiveMaxPool2d($0, outputSize: 3)
      },
      Shaped("globalAveragePool", [0, 2, 4, 5], [0, 2, 1, 1]) { globalAveragePool($0) },
      Shaped("localResponseNormalization", [0, 2, 4, 5], [0, 2, 4, 5]) {
        localResponseNormalization($0, size: 3)
      },
      Shaped("layerNorm", [0, 4], [0, 4]) { layerNorm($0, normalizedShape: [4]) },
      Shaped("groupNorm", [0, 4, 2], [0, 4, 2]) { groupNorm($0, groups: 2) },
      Shaped("instanceNorm", [0, 4, 2], [0, 4, 2]) { instanceNorm($0) },
      Shaped("instanceNorm of no channels", [2, 0, 3], [2, 0, 3]) { instanceNorm($0) },
      Shaped("rmsNorm", [0, 4], [0, 4]) { rmsNorm($0, normalizedShape: [4]) },
      Shaped("rmsNorm of no elements", [3, 0], [3, 0]) { rmsNorm($0, normalizedShape: [0]) },
      Shaped("normalized", [0, 4], [0, 4]) { $0.normalized() },
      Shaped("weightNorm", [0, 4], [0, 4]) {
        weightNorm($0, .ones([0, 1], dtype: $0.dtype))
      },
      Shaped("dropout", [0, 4], [0, 4]) { dropout($0, probability: 0.5) },
      Shaped("dropout2d", [0, 4, 2, 2], [0, 4, 2, 2]) { dropout2d($0, probability: 0.5) },
      Shaped("softmax", [0, 4], [0, 4]) { softmax($0) },
      Shaped("logSoftmax", [0, 4], [0, 4]) { logSoftmax($0) },
      Shaped("softmaxCrossEntropy", [0, 4], [0]) {
        softmaxCrossEntropy($0, labels: labels([0]), reduction: .none)
      },
      Shaped("multiclassHinge", [0, 4], [0]) {
        multiclassHinge($0, labels: labels([0]), reduction: .none)
      },
      Shaped("meanSquaredError", [0, 4], []) { meanSquaredError($0, $0 * 2, reduction: .sum) },
      Shaped("embedding of no words", [4, 3], [0, 3]) { embedding($0, labels([0])) },
      Shaped("roiPool of no regions", [1, 2, 4, 4], [0, 2, 2, 2]) {
        roiPool($0, regions: .zeros([0, 5], dtype: .float64), outputSize: 2)
      },
    ]

  static let single: [Shaped] =
    [
      Shaped("max", [1, 1], []) { $0.max() },
      Shaped("norm", [1, 1], [1]) { $0.norm(along: 0) },
      Shaped("variance", [1, 1], []) { $0.variance(unbiased: false) },
      Shaped("softmax", [1, 1], [1, 1]) { softmax($0) },
      Shaped("softmaxCrossEntropy", [1, 1], []) { softmaxCrossEntropy($0, labels: labels([1])) },
      Shaped("multiclassHinge", [1, 1], []) { multiclassHinge($0, labels: labels([1])) },
      Shaped("matmul", [1, 1], [1, 1]) { matmul($0, $0) },
      Shaped("concatenate", [1, 1], [2, 1]) { concatenate([$0, $0], along: 0) },
      Shaped("conv2d", [1, 1, 1, 1], [1, 1, 1, 1]) {
        conv2d($0, sample([1, 1, 3, 3]), padding: 1)
      },
      Shaped("convTranspose2d", [1, 1, 1, 1], [1, 2, 2, 2]) {
        convTranspose2d($0, sample([1, 2, 2, 2]), stride: 3)
      },
      Shaped("conv3d", [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]) {
        conv3d($0, sample([1, 1, 3, 3, 3]), padding: 1)
      },
      Shaped("convTranspose3d", [1, 1, 1, 1, 1], [1, 2, 2, 2, 2]) {
        convTranspose3d($0, sample([1, 2, 2, 2, 2]), stride: 3)
      },
      Shaped("convTranspose1d", [1, 1, 1], [1, 2, 2]) {
        convTranspose1d($0, sample([1, 2, 2]), stride: 3)
      },
      Shaped("averagePool1d", [1, 1, 1], [1, 1, 2]) {
        averagePool1d($0, window: 2, stride: 1, padding: 1)
      },
      Shaped("averagePool3d", [1, 1, 1, 1, 1], [1, 1, 2, 2, 2]) {
        averagePool3d($0, window: 2, stride: 1, padding: 1)
      },
      Shaped("averagePool2d", [1, 1, 1, 1], [1, 1, 2, 2]) {
        averagePool2d($0, window: 2, stride: 1, padding: 1)
      },
      Shaped("lpPool2d", [1, 1, 1, 1], [1, 1, 1, 1]) { lpPool2d($0, window: 1, exponent: 2) },
      Shaped("adaptiveAveragePool2d", [1, 1, 1, 1], [1, 1, 2, 3]) {
        adaptiveAveragePool2d($0, outputSize: [2, 3])
      },
      Shaped("localResponseNormalization", [1, 1, 1], [1, 1, 1]) {
        localResponseNormalization($0, size: 5, alpha: 0.5)
      },
      Shaped("layerNorm", [1, 1], [1, 1]) { layerNorm($0, normalizedShape: [1]) },
      Shaped("groupNorm", [1, 1, 1], [1, 1, 1]) { groupNorm($0, groups: 1) },
      Shaped("instanceNorm", [1, 1, 1], [1, 1, 1]) { instanceNorm($0) },
      Shaped("rmsNorm", [1, 1], [1, 1]) { rmsNorm($0, normalizedShape: [1]) },
      Shaped("normalized", [1, 1], [1, 1]) { $0.normalized() },
      Shaped("weightNorm", [1, 1], [1, 1]) { weightNorm($0, .ones([1, 1], dtype: $0.dtype)) },
    ]

  @Test("an empty batch has a result, a gradient and a tangent of its shape", arguments: empty)
  func emptyBatch(_ call: Shaped) {
    for dtype in [DType.float64, .float32] {
      guard dtype == .float64 || !Self.isDouble.contains(call.name) else { continue }
      let x = sample(call.input, dtype: dtype).tracked()
      let y = call.function(x)
      #expect(y.shape == call.output && y.dtype == dtype)
      #expect(y.scalars().allSatisfy { $0 == 0 })
      let gradient = gradients(
        of: y, withRespectTo: [x], cotangent: .ones(y.shape, dtype: dtype))[x]
      #expect(gradient?.shape ?? x.shape == x.shape)
      let moved = jvp(at: [x.detached()], along: [sample(call.input, seed: 2, dtype: dtype)]) {
        call.function($0[0])
      }
      #expect(moved.tangent.shape == call.output)
    }
  }

  /// Calls with a second operand in float64.
  private static let isDouble: Set<String> = [
    "matmul", "matmul, batched", "linear", "conv1d", "conv2d", "conv2d, depthwise",
    "conv3d", "conv3d, 1x1x1", "convTranspose1d", "convTranspose3d",
    "convTranspose2d", "roiPool of no regions",
  ]

  @Test("axes of size 1 throughout", arguments: single)
  func sizeOne(_ call: Shaped) {
    let x = distinctSample(call.input)
    #expect(call.function(x).shape == call.output)
    let report = checkGradients(at: x, options: GradientCheckOptions(order: 2)) {
      call.function($0)
    }
    #expect(report.passed, "\(report)")
  }

  @Test("NaN and infinity stay in the windows that see them")
  func windows() {
    var values = [Double](repeating: 1, count: 36)
    values[0] = .nan
    values[35] = .infinity
    for dtype in [DType.float32, .float64] {
      let x = Tensor(values, shape: [1, 1, 6, 6], dtype: dtype)
      let ones = Tensor.ones([1, 1, 2, 2], dtype: dtype)
      let results = [
        ("conv2d", conv2d(x, ones, stride: 2)), ("maxPool2d", maxPool2d(x, window: 2)),
        ("averagePool2d", averagePool2d(x, window: 2)), ("sumPool2d", sumPool2d(x, window: 2)),
        ("lpPool2d", lpPool2d(x, window: 2, exponent: 2)),
        ("adaptiveAveragePool2d", adaptiveAveragePool2d(x, outputSize: 3)),
        ("adaptiveMaxPool2d", adaptiveMaxPool2d(x, outputSize: 3)),
      ]
      for (name, y) in results {
        let found = y.scalars()
        #expect(found.count == 9 && found[0].isNaN && found[8] == .infinity, "\(name): \(found)")
        #expect(found[1..<8].allSatisfy { $0.isFinite && $0 == found[1] }, "\(name): \(found)")
      }
      // A row of a product sees its own row alone.
      let product = matmul(x.reshaped(to: [6, 6]), Tensor.ones([6, 2], dtype: dtype)).scalars()
      #expect(product[0].isNaN && product[1].isNaN && product[2..<10].allSatisfy { $0 == 6 })
      #expect(product[10] == .infinity && product[11] == .infinity)
    }
  }

  @Test("NaN spoils its own sample alone in softmax, losses and normalisation")
  func samples() {
    let x = Tensor([[1, .nan, 2], [1, 2, 3]], dtype: .float64)
    let clean = Tensor([[1, 2, 3]], dtype: .float64)
    for function in [
      { softmax($0) }, { logSoftmax($0) }, { layerNorm($0, normalizedShape: [3]) },
      { x in groupNorm(x.reshaped(to: [-1, 3, 1]), groups: 1).flattened(from: 1) },
    ] as [(Tensor) -> Tensor] {
      let y = function(x)
      #expect(y.scalars()[0..<3].allSatisfy { $0.isNaN })
      expectClose(y.sliced(1..., along: 0), function(clean))
    }
    let losses = softmaxCrossEntropy(x, labels: Tensor(integers: [0, 0]), reduction: .none)
    #expect(losses.scalars()[0].isNaN && losses.scalars()[1].isFinite)
    #expect(softmaxCrossEntropy(x, labels: Tensor(integers: [0, 0])).item.isNaN)
    #expect(multiclassHinge(x, labels: Tensor(integers: [0, 0])).item.isNaN)
    #expect(meanSquaredError(x, x).item.isNaN)
    #expect(huberLoss(x, .zeros([2, 3], dtype: .float64)).item.isNaN)
    #expect(
      binaryCrossEntropyWithLogits(x, .zeros([2, 3], dtype: .float64)).item.isNaN)
  }

  @Test("denormal numbers are numbers", arguments: [DType.float32, .float64])
  func denormals(_ dtype: DType) {
    let small =
      dtype == .float32 ? Double(Float.leastNonzeroMagnitude) : .leastNonzeroMagnitude
    let x = Tensor([small, -small, 2 * small, 4 * small], dtype: dtype)
    let image = x.reshaped(to: [1, 1, 2, 2])
    let ones = Tensor.ones([4], dtype: dtype)
    expect((x * 1.0), [small, -small, 2 * small, 4 * small])
    expect(x + x, [2 * small, -2 * small, 4 * small, 8 * small])
    expect(relu(x), [small, 0, 2 * small, 4 * small])
    expect(abs(x), [small, small, 2 * small, 4 * small])
    expect(sign(x), [1, -1, 1, 1])
    expect(x / x, [1, 1, 1, 1])
    expect(x.sum().reshaped(to: [1]), [6 * small])
    expect(x.max().reshaped(to: [1]), [4 * small])
    expect(matmul(x, ones).reshaped(to: [1]), [6 * small])
    expect(maxPool2d(image, window: 2).flattened(), [4 * small])
    expect(sumPool2d(image, window: 2).flattened(), [6 * small])
    expect(conv2d(image, ones.reshaped(to: [1, 1, 2, 2])).flattened(), [6 * small])
    expect(x.norm().reshaped(to: [1]), [small * (22.0).squareRoot()], within: small)
    expect(exp(x), [1, 1, 1, 1])
    expect(expm1(x), [small, -small, 2 * small, 4 * small])
    expect(log1p(x), [small, -small, 2 * small, 4 * small])
    expect(tanh(x), [small, -small, 2 * small, 4 * small])
    expect(sin(x), [small, -small, 2 * small, 4 * small])
    let logarithm = log(x.sliced(0..<1, along: 0)).item
    #expect(Swift.abs(logarithm - Foundation.log(small)) < 1e-5, "log: \(logarithm)")
    let root = sqrt(x.sliced(3..., along: 0)).item
    #expect(Swift.abs(root / (4 * small).squareRoot() - 1) < 1e-6, "sqrt: \(root)")
    expect(softmax(x.reshaped(to: [1, 4])).flattened(), [0.25, 0.25, 0.25, 0.25])
  }

  private func expect(
    _ x: Tensor, _ expected: [Double], within tolerance: Double = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = x.scalars()
    #expect(
      found.count == expected.count
        && zip(found, expected).allSatisfy { Swift.abs($0 - $1) <= tolerance },
      "\(found), but expected \(expected)", sourceLocation: sourceLocation)
  }

  @Test("huge logits give exact losses and gradients", arguments: [DType.float32, .float64])
  func hugeLogits(_ dtype: DType) {
    let huge = dtype == .float32 ? 1e30 : 1e200
    let x = Tensor([[huge, -huge, 0]], dtype: dtype).tracked()
    let loss = softmaxCrossEntropy(x, labels: Tensor(integers: [1]))
    expectClose(loss.detached(), [x.scalars()[0] * 2], shape: [])
    expectClose(loss.gradients()[x]!, [1, -1, 0], shape: [1, 3])
    let hinge = multiclassHinge(x, labels: Tensor(integers: [0]))
    #expect(hinge.item == 0)
    let binary = binaryCrossEntropyWithLogits(
      x, Tensor([[1, 0, 1]], dtype: dtype), reduction: .sum)
    expectClose(binary.detached(), [Foundation.log(2)], shape: [])
    expectClose(binary.gradients()[x]!, [0, 0, -0.5], shape: [1, 3])
    expectClose(sigmoid(x).detached(), [1, 0, 0.5], shape: [1, 3])
    expectClose(
      x.logSumExp(along: 1).detached(), [x.scalars()[0]])
  }

  @Test("all-equal inputs: even shares, no variance, first place")
  func equal() {
    let x = Tensor.full([2, 4], 3.5, dtype: .float64).tracked()
    expectClose(softmax(x).detached(), .full([2, 4], 0.25, dtype: .float64))
    expectClose(x.variance(along: 1).detached(), [0, 0])
    expectClose(x.variance().gradients()[x]!, .zeros([2, 4], dtype: .float64))
    expectClose(x.max().gradients()[x]!, .full([2, 4], 0.125, dtype: .float64))
    #expect(x.argmax(along: 1).scalars() == [0, 0])
    expectClose(
      layerNorm(x, normalizedShape: [4]).detached(), .zeros([2, 4], dtype: .float64))
    let weights = sample([2, 4])
    let slope = (layerNorm(x, normalizedShape: [4]) * weights).sum().gradients()[x]!
    let centred = (weights - weights.mean(along: 1, keepingDimensions: true)) / 1e-5.squareRoot()
    expectClose(slope, centred, relativeTolerance: 1e-9, absoluteTolerance: 1e-9)
    let image = Tensor.full([1, 1, 4, 4], 2, dtype: .float64).tracked()
    let pooled = maxPool2d(image, window: 2, stride: 1).sum().gradients()[image]!
    #expect(pooled.scalars() == [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0])
  }

  @Test(
    "an Lp pool of zeros is 0, and so is its gradient; its exponents lie between sum and maximum")
  func lpPool() {
    for exponent in [1, 1.5, 2, 3, 4] {
      let x = Tensor([0, 0, 3, -4, 0, 0, 0, 0], shape: [1, 1, 2, 4], dtype: .float64).tracked()
      let y = lpPool2d(x, window: 2, exponent: exponent)
      let norm = Foundation.pow(
        Foundation.pow(3, exponent) + Foundation.pow(4, exponent), 1 / exponent)
      expectClose(y.detached(), [0, norm], shape: [1, 1, 1, 2])
      let slope = [3.0, 4].map { Foundation.pow($0 / norm, exponent - 1) }
      expectClose(
        y.sum().gradients()[x]!, [0, 0, slope[0], -slope[1], 0, 0, 0, 0], shape: [1, 1, 2, 4])
    }
    let x = sample([1, 2, 6, 6])
    expectClose(
      lpPool2d(x, window: 2, exponent: 1), sumPool2d(abs(x), window: 2), relativeTolerance: 1e-12)
    expectClose(
      lpPool2d(x, window: 2, exponent: 200), maxPool2d(abs(x), window: 2), relativeTolerance: 0.01)
  }

  @Test("a stride larger than the window leaves pixels out, which get no gradient")
  func wideStride() {
    let x = sample([1, 1, 5, 5]).tracked()
    let w = Tensor.ones([1, 1, 1, 1], dtype: .float64)
    var expected = [Double](repeating: 0, count: 25)
    for place in [0, 3, 15, 18] { expected[place] = 1 }
    for y in [
      conv2d(x, w, stride: 3), maxPool2d(x, window: 1, stride: 3),
      averagePool2d(x, window: 1, stride: 3), sumPool2d(x, window: 1, stride: 3),
    ] {
      #expect(y.shape == [1, 1, 2, 2])
      expectClose(y.sum().gradients()[x]!, expected, shape: [1, 1, 5, 5])
    }
  }
}

import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Arguments that count something may be any integers: the shape rule refuses them with words, or the op works.
@Suite struct ExtremeArguments {
  /// A call with one argument left open.
  struct Call: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: TensorShape
    let function: @Sendable (Tensor, Int) -> Tensor

    init(
      _ name: String, _ input: TensorShape = [1, 2, 4, 5],
      _ function: @escaping @Sendable (Tensor, Int) -> Tensor
    ) {
      testDescription = name
      self.input = input
      self.function = function
    }
  }

  static let values = [
    Int.min, Int.min + 1, -(1 << 32), -1, 0, 1, 3, 1 << 12, 1 << 16, 1 << 20, 1 << 30,
    Int(Int32.max) - 1, Int(Int32.max), 1 << 31, 1 << 32, 1 << 61, .max - 1, .max,
  ]

  private static func filters(_ x: Tensor, _ shape: TensorShape = [4, 2, 3, 2]) -> Tensor {
    x.isPlaceholder ? .shape(shape, dtype: x.dtype) : sample(shape, dtype: x.dtype)
  }

  private static func places(_ x: Tensor, _ shape: TensorShape = [1, 2, 4, 5]) -> Tensor {
    if x.isPlaceholder { return .shape(shape, dtype: .int32) }
    return Tensor(
      integers: [Int](repeating: 0, count: shape.elementCount), shape: shape, dtype: .int32)
  }

  private static func regions(_ x: Tensor) -> Tensor {
    x.isPlaceholder
      ? .shape([1, 5], dtype: x.dtype) : Tensor([[0, 1, 1, 3, 3]], dtype: x.dtype)
  }

  static let calls: [Call] =
    windows("conv2d") { x, stride, padding, dilation in
      conv2d(x, filters(x), stride: stride, padding: padding, dilation: dilation)
    }
    + windows("convTranspose2d") { x, stride, padding, dilation in
      convTranspose2d(
        x, filters(x, [2, 3, 3, 2]), stride: stride, padding: padding, dilation: dilation)
    }
    + windows("maxPool2d") { x, stride, padding, dilation in
      maxPool2d(x, window: 2, stride: stride, padding: padding, dilation: dilation)
    }
    + windows("maxPool2dWithIndices") { x, stride, padding, dilation in
      maxPool2dWithIndices(
        x, window: 2, stride: stride, padding: padding, dilation: dilation, ceilMode: true
      ).output
    }
    + windows("averagePool2d") { x, stride, padding, _ in
      averagePool2d(x, window: 2, stride: stride, padding: padding)
    }
    + windows("averagePool2d, pixels") { x, stride, padding, _ in
      averagePool2d(
        x, window: 2, stride: stride, padding: padding, ceilMode: true, countingPadding: false)
    }
    + windows("sumPool2d") { x, stride, padding, _ in
      sumPool2d(x, window: 2, stride: stride, padding: padding, ceilMode: true)
    }
    + windows("lpPool2d") { x, stride, padding, _ in
      lpPool2d(x, window: 2, exponent: 2, stride: stride, padding: padding)
    }
    + sizes("maxPool2d", "window") { maxPool2d($0, window: $1) }
    + sizes("averagePool2d", "window") { averagePool2d($0, window: $1, padding: .same) }
    + sizes("sumPool2d", "window") { sumPool2d($0, window: $1, stride: 1) }
    + sizes("lpPool2d", "window") { lpPool2d($0, window: $1, exponent: 3) }
    + sizes("convTranspose2d", "outputPadding") {
      convTranspose2d($0, filters($0, [2, 3, 3, 2]), stride: 2, outputPadding: $1)
    }
    + sizes("convTranspose2d, dilation", "outputPadding") {
      convTranspose2d($0, filters($0, [2, 3, 3, 2]), outputPadding: $1, dilation: $1)
    }
    + sizes("convTranspose2d, same", "stride") {
      convTranspose2d($0, filters($0, [2, 3, 3, 2]), stride: $1, padding: .same)
    }
    + sizes("conv2d, same", "stride and dilation") {
      conv2d($0, filters($0), stride: $1, padding: .same, dilation: $1)
    }
    + sizes("adaptiveAveragePool2d", "outputSize") { adaptiveAveragePool2d($0, outputSize: $1) }
    + sizes("adaptiveMaxPool2d", "outputSize") { adaptiveMaxPool2d($0, outputSize: $1) }
    + sizes("adaptiveMaxPool2dWithIndices", "outputSize") {
      adaptiveMaxPool2dWithIndices($0, outputSize: $1).output
    }
    + sizes("maxUnpool2d", "outputSize") { maxUnpool2d($0, indices: places($0), outputSize: $1) }
    + sizes("roiPool", "outputSize") { roiPool($0, regions: regions($0), outputSize: $1) }
    + [
      Call("conv2d, groups") { conv2d($0, filters($0), groups: $1) },
      Call("convTranspose2d, groups") {
        convTranspose2d($0, filters($0, [2, 3, 3, 2]), groups: $1)
      },
      Call("conv1d, stride", [1, 2, 7]) { conv1d($0, filters($0, [3, 2, 3]), stride: $1) },
      Call("conv1d, before", [1, 2, 7]) {
        conv1d($0, filters($0, [3, 2, 3]), padding: Padding1d(before: $1, after: 0))
      },
      Call("conv1d, after", [1, 2, 7]) {
        conv1d($0, filters($0, [3, 2, 3]), stride: 3, padding: Padding1d(before: 1, after: $1))
      },
      Call("conv1d, dilation", [1, 2, 7]) { conv1d($0, filters($0, [3, 2, 3]), dilation: $1) },
      Call("conv3d, stride", [1, 2, 3, 4, 5]) {
        conv3d($0, filters($0, [3, 2, 2, 3, 2]), stride: Triple($1))
      },
      Call("conv3d, padding", [1, 2, 3, 4, 5]) {
        conv3d($0, filters($0, [3, 2, 2, 3, 2]), stride: 3, padding: Padding3d($1))
      },
      Call("conv3d, front", [1, 2, 3, 4, 5]) {
        conv3d(
          $0, filters($0, [3, 2, 2, 3, 2]),
          padding: Padding3d(front: $1, top: 0, left: 0, back: 0, bottom: 0, right: 0))
      },
      Call("conv3d, dilation", [1, 2, 3, 4, 5]) {
        conv3d($0, filters($0, [3, 2, 2, 3, 2]), padding: .same, dilation: Triple($1))
      },
      Call("conv3d, groups", [1, 2, 3, 4, 5]) {
        conv3d($0, filters($0, [3, 2, 2, 3, 2]), groups: $1)
      },
      Call("convTranspose3d, stride", [1, 2, 3, 4, 5]) {
        convTranspose3d($0, filters($0, [2, 3, 2, 3, 2]), stride: Triple($1))
      },
      Call("convTranspose3d, padding", [1, 2, 3, 4, 5]) {
        convTranspose3d($0, filters($0, [2, 3, 2, 3, 2]), padding: Padding3d($1))
      },
      Call("convTranspose3d, outputPadding", [1, 2, 3, 4, 5]) {
        convTranspose3d(
          $0, filters($0, [2, 3, 2, 3, 2]), outputPadding: Triple($1), dilation: Triple($1))
      },
      Call("convTranspose1d, stride", [1, 2, 7]) {
        convTranspose1d($0, filters($0, [2, 3, 3]), stride: $1)
      },
      Call("convTranspose1d, outputPadding", [1, 2, 7]) {
        convTranspose1d($0, filters($0, [2, 3, 3]), outputPadding: $1, dilation: $1)
      },
      Call("maxPool1d, window", [1, 2, 7]) { maxPool1d($0, window: $1) },
      Call("maxPool1d, stride", [1, 2, 7]) { maxPool1d($0, window: 2, stride: $1) },
      Call("averagePool1d, padding", [1, 2, 7]) {
        averagePool1d($0, window: 2, stride: 3, padding: Padding1d($1), ceilMode: true)
      },
      Call("adaptiveAveragePool1d", [1, 2, 7]) { adaptiveAveragePool1d($0, outputSize: $1) },
      Call("maxPool3d, window", [1, 2, 3, 4, 5]) { maxPool3d($0, window: Triple($1)) },
      Call("maxPool3d, stride", [1, 2, 3, 4, 5]) {
        maxPool3d($0, window: 2, stride: Triple($1), ceilMode: true)
      },
      Call("maxPool3d, dilation", [1, 2, 3, 4, 5]) {
        maxPool3d($0, window: 2, padding: .same, dilation: Triple($1))
      },
      Call("averagePool3d, padding", [1, 2, 3, 4, 5]) {
        averagePool3d($0, window: 2, stride: 3, padding: Padding3d($1))
      },
      Call("adaptiveAveragePool3d", [1, 2, 3, 4, 5]) {
        adaptiveAveragePool3d($0, outputSize: Triple($1))
      },
      Call("adaptiveMaxPool3d, depth", [1, 2, 3, 4, 5]) {
        adaptiveMaxPool3d($0, outputSize: Triple(depth: $1, height: 1, width: 1))
      },
      Call("conv1d, groups", [1, 2, 7]) { conv1d($0, filters($0, [3, 2, 3]), groups: $1) },
      Call("padded before") { $0.padded([(0, 0), ($1, 0), (0, 0), (0, 0)]) },
      Call("padded after") { $0.padded([(0, 0), (0, 0), (0, 0), (0, $1)]) },
      Call("padded everywhere") { $0.padded([($1, $1), ($1, $1), ($1, $1), ($1, $1)]) },
      Call("split") { $0.split([$1, 2], along: 2)[0] },
      Call("split, equal") { $0.split([$1, $1], along: 2)[0] },
      Call("split, axis") { $0.split([1], along: $1)[0] },
      Call("sliced, step") { $0.sliced(0..., along: 3, step: $1) },
      Call("sliced from") { $0.sliced($1..., along: 3) },
      Call("sliced, axis") { $0.sliced(0..<1, along: $1) },
      Call("sliced, start") { $0.sliced(start: [0, 0, 0, $1], end: [1, 2, 4, 5]) },
      Call("sliced, end") { $0.sliced(start: [0, 0, 0, 0], end: [1, 2, 4, $1]) },
      Call("sliced, steps") {
        $0.sliced(start: [0, 0, 1, 1], end: [1, 2, 4, 5], step: [1, 1, 2, $1])
      },
      Call("reshaped") { $0.reshaped(to: [$1]) },
      Call("reshaped, open") { $0.reshaped(to: [-1, $1]) },
      Call("reshaped, twice") { $0.reshaped(to: [$1, $1, $1]) },
      Call("reshaped, nothing", [0, 3]) { $0.reshaped(to: [$1, $1, 0]) },
      Call("flattened") { $0.flattened(from: $1) },
      Call("expandedDimensions") { $0.expandedDimensions(at: $1) },
      Call("squeezed") { $0.squeezed($1) },
      Call("transposed") { $0.transposed(0, 1, 2, $1) },
      Call("flipped") { $0.flipped(along: $1) },
      Call("concatenate") { concatenate([$0, $0], along: $1) },
      Call("stack") { stack([$0, $0], along: $1) },
      Call("gathered") { $0.gathered(places($0, [2]), along: $1) },
      Call("takenAlongAxis") { $0.takenAlongAxis(places($0), axis: $1) },
      Call("sum") { $0.sum(along: $1) },
      Call("mean") { $0.mean(along: $1, 0) },
      Call("max") { $0.max(along: $1) },
      Call("min") { $0.min(along: $1) },
      Call("norm") { $0.norm(along: $1) },
      Call("variance") { $0.variance(along: $1, unbiased: false) },
      Call("logSumExp") { $0.logSumExp(along: $1) },
      Call("argmax") { $0.argmax(along: $1).converted(to: $0.dtype) },
      Call("softmax") { softmax($0, axis: $1) },
      Call("logSoftmax") { logSoftmax($0, axis: $1) },
      Call("localResponseNormalization") { localResponseNormalization($0, size: $1) },
      Call("groupNorm") { groupNorm($0, groups: $1) },
      Call("embeddingBag, paddingIndex", [4, 3]) {
        embeddingBag($0, Tensor(integers: [0, 1, 2, 3], shape: [2, 2]), paddingIndex: $1)
      },
      Call("multiHeadAttention, heads", [2, 3, 4]) {
        let weight = filters($0, [4, 4])
        return multiHeadAttention(
          $0, key: $0, value: $0,
          weights: AttentionWeights(query: weight, key: weight, value: weight, output: weight),
          heads: $1)
      },
      Call("groupNorm, no channels", [2, 0, 3]) { groupNorm($0, groups: $1) },
    ]

  /// Stride, padding on each side and dilation, along either axis and along both.
  private static func windows(
    _ op: String, _ function: @escaping @Sendable (Tensor, Pair, Padding2d, Pair) -> Tensor
  ) -> [Call] {
    sizes(op, "stride") { function($0, $1, 0, 1) }
      + sizes(op, "stride, padded") { function($0, $1, 1, 1) }
      + sizes(op, "dilation") { function($0, 1, 0, $1) }
      + sizes(op, "dilation, padded") { function($0, 2, Padding2d(1 << 12), $1) }
      + [
        Call("\(op), all") {
          function($0, Pair($1), Padding2d($1), Pair($1))
        },
        Call("\(op), top") { function($0, 1, Padding2d(top: $1, left: 0, bottom: 0, right: 0), 1) },
        Call("\(op), left") {
          function($0, 1, Padding2d(top: 0, left: $1, bottom: 0, right: 0), 1)
        },
        Call("\(op), bottom") {
          function($0, 2, Padding2d(top: 0, left: 1, bottom: $1, right: 0), 1)
        },
        Call("\(op), right") {
          function($0, 2, Padding2d(top: 1, left: 0, bottom: 0, right: $1), 1)
        },
        Call("\(op), as far as the stride") {
          function($0, Pair($1), Padding2d(top: 0, left: 0, bottom: $1, right: $1), 1)
        },
      ]
  }

  private static func sizes(
    _ op: String, _ argument: String, _ function: @escaping @Sendable (Tensor, Pair) -> Tensor
  ) -> [Call] {
    [
      Call("\(op), \(argument), height") { function($0, Pair(height: $1, width: 1)) },
      Call("\(op), \(argument), width") { function($0, Pair(height: 1, width: $1)) },
      Call("\(op), \(argument), both") { function($0, Pair($1)) },
    ]
  }

  @Test("any integer is refused with words, or computed with", arguments: calls + rearrangements)
  func anyInteger(_ call: Call) throws {
    for value in Self.values {
      let announced: TensorShape
      do {
        announced = try dryRun { call.function(.shape(call.input), value) }.shape
      } catch let misuse as Misuse {
        #expect(!misuse.reason.isEmpty)
        continue
      }
      // What takes little memory is computed, forward and backward.
      if announced.elementCount > 1 << 18 { continue }
      let x = sample(call.input, dtype: .float32).tracked()
      let y = call.function(x, value)
      #expect(y.shape == announced, "\(value)")
      guard y.isTracked else { continue }
      let gradient = gradients(
        of: y, withRespectTo: [x], cotangent: .ones(y.shape, dtype: .float32))[x]
      #expect(gradient?.shape ?? x.shape == x.shape, "\(value)")
      #expect(gradient?.scalars().allSatisfy { $0.isFinite } ?? true, "\(value)")
    }
  }

  @Test("a stride that is never made may be as large as sizes are")
  func largeStrides() {
    let x = sample([2, 3, 5, 6])
    let w = sample([4, 3, 3, 3], seed: 2)
    for large in [7, 100, 1 << 20, Int(Int32.max)] {
      expectClose(conv2d(x, w, stride: Pair(large)), conv2d(x, w, stride: 6))
      expectClose(maxPool2d(x, window: 3, stride: Pair(large)), maxPool2d(x, window: 3, stride: 6))
      expectClose(
        sumPool2d(x, window: 3, stride: Pair(large)), sumPool2d(x, window: 3, stride: 6))
      for function in [
        { conv2d($0, w, stride: Pair($1)) }, { maxPool2d($0, window: 3, stride: Pair($1)) },
        { averagePool2d($0, window: 3, stride: Pair($1)) },
      ] as [(Tensor, Int) -> Tensor] {
        let (tracked, other) = (x.tracked(), x.tracked())
        expectClose(
          function(tracked, large).sum().gradients()[tracked]!,
          function(other, 6).sum().gradients()[other]!)
      }
    }
  }

  @Test("results that no tensor can hold are refused, not overflowed")
  func tooManyElements() {
    let long = Int(Int32.max)
    let refused: [(String, () -> Tensor)] = [
      ("matmul", { matmul(.shape([long, 1]), .shape([1, long])) }),
      ("linear", { linear(.shape([1 << 30, 1]), .shape([1 << 30, 1])) }),
      ("add", { .shape([long, 1]) + .shape([1, long]) }),
      (
        "select",
        {
          select(where: .shape([long, 1], dtype: .bool), .shape([1, long]), else: .shape([1]))
        }
      ),
      ("concatenate", { concatenate([.shape([long, 2]), .shape([long, 2])], along: 0) }),
      ("stack", { stack([.shape([1 << 29, 1 << 28]), .shape([1 << 29, 1 << 28])]) }),
      ("embedding", { embedding(.shape([2, 1 << 30]), .shape([1 << 30], dtype: .int64)) }),
      ("flattened", { Tensor.shape([1 << 20, 1 << 20]).flattened() }),
      ("broadcast", { Tensor.shape([1 << 20, 1]).padded([(0, 0), (0, 1 << 40)]) }),
      (
        "lstmCell",
        {
          lstmCell(
            .shape([1, 1]), hidden: .shape([1, long]), cell: .shape([1, long]),
            weightInput: .shape([1, 1]), weightHidden: .shape([1, 1])
          ).hidden
        }
      ),
      (
        "lstm",
        {
          let set = RecurrentWeights(input: .shape([1, 1]), hidden: .shape([1, long]))
          return lstm(.shape([1, 1, 1]), weights: [set]).output
        }
      ),
      (
        "scaledDotProductAttention",
        {
          scaledDotProductAttention(
            .shape([long, 1]), key: .shape([long, 1]), value: .shape([long, 1]))
        }
      ),
      (
        "maxPool2dWithIndices",
        {
          maxPool2dWithIndices(.shape([1, 1, 1 << 17, 1 << 17]), window: 2).indices
        }
      ),
    ]
    for (name, call) in refused {
      #expect(throws: Misuse.self, "\(name)") { try dryRun { _ = call() } }
    }
  }

  @Test("an output padding below the dilation adds rows that filters may reach")
  func outputPadding() {
    let x = sample([2, 3, 4, 3])
    let w = sample([3, 2, 2, 3], seed: 2)
    let y = convTranspose2d(x, w, stride: [1, 2], padding: 1, outputPadding: [2, 3], dilation: 4)
    // All that the filters write, with the padding cut off but for what is added at the end.
    let whole = convTranspose2d(x, w, stride: [1, 2], dilation: 4)
      .padded([(0, 0), (0, 0), (0, 1), (0, 2)])
    expectClose(y, whole.sliced(1..., along: 2).sliced(1..., along: 3))
    let report = checkGradients(at: [x, w], options: GradientCheckOptions(order: 2)) {
      convTranspose2d(
        $0[0], $0[1], stride: [1, 2], padding: 1, outputPadding: [2, 3], dilation: 4)
    }
    #expect(report.passed, "\(report)")
  }
}

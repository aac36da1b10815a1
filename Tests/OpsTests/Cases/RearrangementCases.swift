import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let rearrangement: [OpCase] = shapes + joining + indexing

  private static let shapes: [OpCase] = [
    OpCase("reshape", "an open size", inputs: [sample([2, 6])]) { x in [x[0].reshaped(to: [3, -1])]
    },
    OpCase("reshape", "to a scalar and back", inputs: [sample([1, 1])]) { x in
      [x[0].reshaped(to: []).reshaped(to: [1, 1, 1])]
    },
    OpCase("reshape", "flattened", inputs: [sample([2, 3, 2])]) { x in
      [x[0].flattened(), x[0].flattened(from: 1), x[0].flattened(from: -1)]
    },
    OpCase("reshape", "one axis more or less", inputs: [sample([2, 1, 3])]) { x in
      [
        x[0].expandedDimensions(at: 0), x[0].expandedDimensions(at: -1),
        x[0].expandedDimensions(at: 1), x[0].squeezed(1), x[0].squeezed(),
      ]
    },
    OpCase("transpose", "the last two axes", inputs: [sample([2, 3, 4])]) { x in [x[0].transposed()]
    },
    OpCase("transpose", "a rotation", inputs: [sample([2, 3, 4])]) { x in
      [x[0].transposed(1, 2, 0), x[0].transposed([-1, 0, 1])]
    },
    OpCase("transpose", "size-1 axes", inputs: [sample([1, 3, 1])]) { x in
      [x[0].transposed(2, 1, 0)]
    },
    OpCase("transpose", "large", checks: .kernels, inputs: [sample([31, 17, 19, 23])]) { x in
      [x[0].transposed(0, 2, 3, 1), x[0].transposed(3, 2, 1, 0), x[0].transposed()]
    },
    OpCase("broadcast", inputs: [sample([3, 1])]) { x in
      [x[0].broadcast(to: [2, 3, 4]), x[0].broadcast(to: [3, 1]), x[0].broadcast(to: [3, 2])]
    },
    OpCase("broadcast", "a scalar", inputs: [sample([])]) { x in [x[0].broadcast(to: [2, 2])] },
    OpCase("broadcast", "large", checks: .kernels, inputs: [sample([67, 1])]) { x in
      [x[0].broadcast(to: [64, 67, 33])]
    },
    OpCase("flip", inputs: [sample([2, 3])]) { x in
      [x[0].flipped(along: 1), x[0].flipped(along: [0, -1]), x[0].flipped()]
    },
    OpCase("flip", "large", checks: .kernels, inputs: [sample([64, 67, 33])]) { x in
      [x[0].flipped(along: 0, 2)]
    },
  ]

  private static let joining: [OpCase] = [
    OpCase(
      "concatenate", inputs: [sample([2, 3]), sample([2, 1], seed: 2), sample([2, 2], seed: 3)]
    ) {
      [concatenate($0, along: 1), concatenate([$0[0]], along: 0)]
    },
    OpCase("concatenate", "an operand twice", inputs: [sample([2, 3])]) { x in
      [concatenate([x[0], x[0] * 2, x[0], x[0]], along: -2)]
    },
    OpCase("concatenate", "with an empty one", inputs: [sample([2, 0]), sample([2, 2])]) {
      [concatenate($0, along: 1)]
    },
    OpCase("stack", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [stack($0), stack($0, along: 1), stack($0, along: -1)]
    },
    OpCase("split", inputs: [sample([2, 5])]) { x in x[0].split([2, 0, 3], along: -1) },
    OpCase("split", "more than three parts", inputs: [sample([5, 2])]) { x in
      let parts = x[0].split([1, 1, 1, 1, 1], along: 0)
      return [parts[1] * parts[3], parts[4]]
    },
    OpCase("slice", "one axis", inputs: [sample([5, 4])]) { x in
      [
        x[0].sliced(1..<4, along: 0), x[0].sliced(1..., along: -1), x[0].sliced(...2, along: 0),
        x[0].sliced(0..<5, along: 0, step: 2), x[0].sliced(2..<2, along: 1),
      ]
    },
    OpCase("slice", "all axes", inputs: [sample([5, 7])]) { x in
      [
        x[0].sliced(start: [1, 0], end: [4, 7], step: [2, 3]),
        x[0].sliced(start: [1, 2], end: [4, 3]),
      ]
    },
    OpCase("slice", "by subscripts", inputs: [sample([3, 4, 5])]) { x in
      [
        x[0][1], x[0][-1, 1..<3], x[0][.all, 2...], x[0][..., 0], x[0][0, .rest, ...1],
        x[0][stride(from: 2, through: 0, by: -2), 0, stride(from: 0, to: 5, by: 3)],
        x[0][.newAxis, 1, .all, .newAxis],
      ]
    },
    OpCase("gather", "by subscripts", inputs: [sample([3, 4])]) { x in
      [
        x[0][Tensor(integers: [2, 0, -1])], x[0][.all, Tensor(integers: [1, 1], dtype: .int32)],
        x[0][Tensor([true, false, true])],
        x[0][
          Tensor([
            [true, false, true, true], [false, false, false, true], [true, true, false, true],
          ])],
      ]
    },
    OpCase("pad", inputs: [sample([2, 3])]) { x in
      [
        x[0].padded([(1, 2), (0, 1)]), x[0].padded([(0, 0), (2, 0)], value: -1.5),
        x[0].padded([(0, 0), (0, 0)], value: 3),
      ]
    },
    OpCase(
      "joining", "large", checks: .kernels, inputs: [sample([64, 37, 33]), sample([64, 30, 33])]
    ) {
      let all = concatenate($0, along: 1)
      let parts = all.split([17, 50], along: 1)
      return parts + [
        all.padded([(1, 0), (2, 3), (1, 1)]), all.sliced(1..., along: 2, step: 3),
        stack(parts[..<1] + []),
      ]
    },
  ]

  private static let indexing: [OpCase] = [
    OpCase(
      "gather", "repeated rows", inputs: [sample([4, 3]), Tensor(integers: [2, 0, 2, 2, 3])]
    ) {
      [$0[0].gathered($0[1], along: 0)]
    },
    OpCase(
      "gather", "columns, int32",
      inputs: [sample([2, 3, 2]), Tensor(integers: [1, 1], dtype: .int32)]
    ) {
      [$0[0].gathered($0[1], along: 1), $0[0].gathered($0[1], along: -1)]
    },
    OpCase(
      "gather", "indices of any shape",
      inputs: [sample([3, 2]), Tensor(integers: [2, 0, 2, 1], shape: [2, 2])]
    ) {
      [$0[0].gathered($0[1], along: 0), $0[0].gathered(Tensor(integers: [1], shape: []), along: 0)]
    },
    OpCase(
      "takeAlongAxis",
      inputs: [sample([2, 3]), Tensor(integers: [2, 0, 2, 1, 1, 0, 1, 1], shape: [2, 4])]
    ) { [$0[0].takenAlongAxis($0[1], axis: 1)] },
    OpCase(
      "takeAlongAxis", "the first axis",
      inputs: [sample([3, 2, 2]), Tensor(integers: [2, 0, 1, 2], shape: [1, 2, 2])]
    ) { [$0[0].takenAlongAxis($0[1], axis: -3)] },
    OpCase(
      "gather", "large", checks: .kernels,
      inputs: [
        sample([101, 67]), Tensor(integers: (0..<2000).map { $0 * 7919 % 101 }),
        Tensor(integers: (0..<101 * 9).map { $0 * 31 % 67 }, shape: [101, 9]),
      ]
    ) { [$0[0].gathered($0[1], along: 0), $0[0].takenAlongAxis($0[2], axis: 1)] },
  ]
}

extension MisuseCase {
  static let rearrangement: [MisuseCase] = [
    MisuseCase("another number of elements", says: "reshape: [2, 3] has 6 elements, but [4] has 4")
    {
      _ = Tensor.shape([2, 3]).reshaped(to: [4])
    },
    MisuseCase(
      "what remains is no whole number",
      says: "reshape: 6 elements of [2, 3] do not divide by the 4"
    ) {
      _ = Tensor.shape([2, 3]).reshaped(to: [4, -1])
    },
    MisuseCase(
      "two open sizes", says: "reshape: the sizes [-1, -1] must be at most 6, none negative but one"
    ) {
      _ = Tensor.shape([2, 3]).reshaped(to: [-1, -1])
    },
    MisuseCase("seven axes", says: "reshape: the sizes [1, 1, 1, 1, 1, 1, 1] must be at most 6") {
      _ = Tensor.shape([1]).reshaped(to: [1, 1, 1, 1, 1, 1, 1])
    },
    MisuseCase(
      "flattening from nowhere", says: "reshape: axis 2 does not exist in a tensor with 2 axes"
    ) {
      _ = Tensor.shape([2, 3]).flattened(from: 2)
    },
    MisuseCase(
      "an axis beyond the end", says: "expandDimensions: axis 4 does not exist in a tensor with 3"
    ) {
      _ = Tensor.shape([2, 3]).expandedDimensions(at: 4)
    },
    MisuseCase("a seventh axis", says: "expandDimensions: [1, 1, 1, 1, 1, 1] has six axes already")
    {
      _ = Tensor.shape([1, 1, 1, 1, 1, 1]).expandedDimensions(at: 0)
    },
    MisuseCase("squeezing a wide axis", says: "squeeze: axis 1 of [1, 3] has size 3, not 1") {
      _ = Tensor.shape([1, 3]).squeezed(1)
    },
    MisuseCase("a permutation too short", says: "transpose: [1, 0] names 2 axes, but there are 3") {
      _ = Tensor.shape([2, 3, 4]).transposed(1, 0)
    },
    MisuseCase("a permutation with a repeat", says: "transpose: axis 0 is named twice in [0, 0]") {
      _ = Tensor.shape([2, 3]).transposed(0, 0)
    },
    MisuseCase("a vector transposed", says: "transpose: there are 1 axes, but two are needed") {
      _ = Tensor.shape([3]).transposed()
    },
    MisuseCase(
      "a broadcast to another size", says: "broadcast: [2, 3] does not broadcast to [4, 3]"
    ) {
      _ = Tensor.shape([2, 3]).broadcast(to: [4, 3])
    },
    MisuseCase("a broadcast to fewer axes", says: "broadcast: [1, 3] does not broadcast to [3]") {
      _ = Tensor.shape([1, 3]).broadcast(to: [3])
    },
    MisuseCase("flipping no axis", says: "flip: axis 2 does not exist") {
      _ = Tensor.shape([2, 3]).flipped(along: 2)
    },
    MisuseCase("joining nothing", says: "concatenate: there are no tensors to join") {
      _ = concatenate([], along: 0)
    },
    MisuseCase(
      "joining other shapes",
      says: "concatenate: input 1 is [3, 3], but input 0 is [2, 3]: only axis 1 may differ"
    ) { _ = concatenate([.shape([2, 3]), .shape([3, 3])], along: 1) },
    MisuseCase("joining two types", says: "concatenate: operands differ in type, float32 and int64")
    {
      _ = concatenate([.shape([2]), .shape([2], dtype: .int64)], along: 0)
    },
    MisuseCase(
      "stacking other shapes", says: "concatenate: input 1 is [1, 3], but input 0 is [1, 2]"
    ) {
      _ = stack([.shape([2]), .shape([3])])
    },
    MisuseCase(
      "sizes that do not sum", says: "split: the sizes [2, 2] do not sum to the 5 of axis 0 of [5]"
    ) {
      _ = Tensor.shape([5]).split([2, 2], along: 0)
    },
    MisuseCase(
      "a slice beyond the end", says: "slice: 1 ..< 6 is no part of axis 0 of [5, 2], 0 ..< 5"
    ) {
      _ = Tensor.shape([5, 2]).sliced(1..<6, along: 0)
    },
    MisuseCase("a slice from beyond the end", says: "slice: 6 ..< 5 is no part of axis 0") {
      _ = Tensor.shape([5, 2]).sliced(6..., along: 0)
    },
    MisuseCase("a step backwards", says: "slice: the step along axis 1 is -1, not positive") {
      _ = Tensor.shape([5, 2]).sliced(0..<2, along: 1, step: -1)
    },
    MisuseCase("ranges for fewer axes", says: "slice: 1 ranges, but the tensor has 2 axes") {
      _ = Tensor.shape([5, 2]).sliced(start: [0], end: [1])
    },
    MisuseCase("ranges for more axes", says: "slice: 3 ranges, but the tensor has 2 axes") {
      _ = Tensor.shape([5, 2]).sliced(start: [0, 0, 0], end: [1, 1, 1])
    },
    MisuseCase("padding for fewer axes", says: "pad: 1 pairs of padding, but the tensor has 2 axes")
    {
      _ = Tensor.shape([5, 2]).padded([(1, 1)])
    },
    MisuseCase("negative padding", says: "pad: padding must not be negative, but is [-1] before") {
      _ = Tensor.shape([5]).padded([(-1, 1)])
    },
    MisuseCase(
      "indices of a floating type", says: "gather: the indices are float32", "values", "indices"
    ) {
      _ = Tensor.shape([5]).gathered(.shape([2]), along: 0)
    },
    MisuseCase("gathering along no axis", says: "gather: axis 1 does not exist") {
      _ = Tensor.shape([5]).gathered(.shape([2], dtype: .int64), along: 1)
    },
    MisuseCase("gathering too many axes", says: "gather: the result [1, 1, 1, 1, 1, 1, 1]") {
      _ = Tensor.shape([5, 1, 1, 1]).gathered(.shape([1, 1, 1, 1], dtype: .int64), along: 0)
    },
    MisuseCase(
      "taking with other indices",
      says: "takeAlongAxis: the indices are [3, 1], but the values [2, 5]: only axis 1 may differ"
    ) { _ = Tensor.shape([2, 5]).takenAlongAxis(.shape([3, 1], dtype: .int64), axis: 1) },
  ]
}

import TapestryGraph
import TapestryOps
import TestSupport

extension ExtremeArguments {
  /// Calls of ops that rearrange, with one argument left open.
  static let rearrangements: [Call] = [
    Call("rolled") { $0.rolled(by: $1, along: 2) },
    Call("rolled, both") { $0.rolled(by: [$1, $1], along: [2, 2]) },
    Call("rolled, axis") { $0.rolled(by: 1, along: $1) },
    Call("tiled") { $0.tiled([1, $1]) },
    Call("tiled, twice") { $0.tiled([$1, 1, $1, 1]) },
    Call("repeatedElements") { $0.repeatedElements($1, along: 2) },
    Call("repeatedElements, list") { $0.repeatedElements([$1, 1], along: 1) },
    Call("repeatedElements, axis") { $0.repeatedElements(2, along: $1) },
    Call("movedAxis") { $0.movedAxis(from: $1, to: 0) },
    Call("windows, size") { $0.windows(size: $1, along: 3) },
    Call("windows, step") { $0.windows(size: 2, step: $1, along: 2) },
    Call("windows, axis") { $0.windows(size: 1, along: $1) },
    Call("unfold2d, window") { unfold2d($0, window: Pair($1), padding: .same) },
    Call("unfold2d, stride") { unfold2d($0, window: 2, stride: Pair($1)) },
    Call("unfold2d, padding") { unfold2d($0, window: 2, padding: Padding2d($1)) },
    Call("unfold2d, dilation") { unfold2d($0, window: 2, padding: 2, dilation: Pair($1)) },
    Call("unfold2d, dilation of one") { unfold2d($0, window: 1, dilation: Pair($1)) },
    Call("fold2d, size", [1, 8, 12]) { fold2d($0, outputSize: Pair($1), window: 2) },
    Call("fold2d, width", [1, 8, 12]) {
      fold2d($0, outputSize: Pair(height: 4, width: $1), window: 2)
    },
    Call("fold2d, window", [1, 8, 12]) { fold2d($0, outputSize: [4, 5], window: Pair($1)) },
    Call("fold2d, stride", [1, 8, 1]) { fold2d($0, outputSize: 2, window: 2, stride: Pair($1)) },
    Call("fold2d, padding", [1, 8, 12]) {
      fold2d($0, outputSize: 2, window: 2, padding: Padding2d($1))
    },
    Call("padded, reflect") { $0.padded([(0, 0), (0, 0), ($1, 0), (0, $1)], mode: .reflect) },
    Call("padded, replicate") { $0.padded([(0, 0), ($1, 0), (0, 0), (0, 0)], mode: .replicate) },
    Call("padded, circular") { $0.padded([(0, 0), (0, 0), ($1, $1), (0, 0)], mode: .circular) },
    Call("pixelShuffle") { pixelShuffle($0, factor: $1) },
    Call("pixelUnshuffle") { pixelUnshuffle($0, factor: $1) },
    Call("channelShuffle") { channelShuffle($0, groups: $1) },
    Call("diagonal") { $0.diagonal(offset: $1, axis1: 2, axis2: 3) },
    Call("diagonal, axis") { $0.diagonal(axis1: $1, axis2: 3) },
    Call("lowerTriangle") { $0.lowerTriangle(offset: $1) },
    Call("upperTriangle") { $0.upperTriangle(offset: $1) },
    Call("tensordot") { tensordot($0, $0, axesA: [$1, 0, 1], axesB: [$1, 0, 1]) },
    Call("oneHot") { x, classes in
      let zero = x.isPlaceholder ? Tensor.shape([2], dtype: .int64) : .zeros([2], dtype: .int64)
      return oneHot(zero, classes: classes, dtype: .float32)
    },
  ]
}

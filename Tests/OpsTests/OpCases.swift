import TestSupport

extension OpCase {
  /// The table: every way of calling every op that is checked; a file per family in `Cases`.
  static let all: [OpCase] = [
    arithmetic, elementwise, activation, reduction, rearrangement, conversion,
    matrixProduct, convolution, pooling, softmaxes, crossEntropies, regressionLosses, dropouts,
  ].flatMap { $0 }
}

extension MisuseCase {
  /// Every shape and type rule, broken.
  static let all: [MisuseCase] = [
    arithmetic, elementwise, activation, reduction, rearrangement, conversion,
    matrixProduct, convolution, pooling, loss,
  ].flatMap { $0 }
}

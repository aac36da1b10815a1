import TestSupport

extension OpCase {
  /// The table: every way of calling every op that is checked; a file per family in `Cases`.
  static let all: [OpCase] = [
    arithmetic, elementwise, functions, activation, laterActivations, reduction, choice, scans,
    rearrangement, conversion,
    matrixProduct, convolution, pooling, volumeConvolutions, linePools, volumePools, softmaxes,
    crossEntropies, regressionLosses, dropouts,
    normalization, boxes, resizing, algebra, repetition, scatter, marginLosses, recurrent,
    attention,
  ].flatMap { $0 }
}

extension MisuseCase {
  /// Every shape and type rule, broken.
  static let all: [MisuseCase] = [
    arithmetic, elementwise, functions, activation, laterActivations, reduction, choice, scans,
    rearrangement, conversion,
    matrixProduct, convolution, pooling, volumes, loss, normalization, boxes, resizing, algebra,
    repetition, scatter, marginLoss, recurrent, attention,
  ].flatMap { $0 }
}

import TestSupport

/// What computes each op of the reference sets, by the sets' name for it; a file per family in `Replay`.
let referenceOperations: [String: ReferenceOperation] = [
  activationReplay, elementwiseReplay, specialReplay, reductionReplay, scanReplay, shapeReplay,
  algebraReplay, rearrangementReplay, marginLossReplay, linearReplay, convolutionReplay,
  poolingReplay, volumeReplay, resizingReplay, lossReplay, layerReplay,
  normalizationReplay, recurrentReplay, boxesReplay,
].reduce(into: [:]) { all, family in
  all.merge(family) { _, _ in fatalError("two families replay the same op") }
}

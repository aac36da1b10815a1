import TestSupport

/// What computes each op of the reference set, by the set's name for it; a file per family in `Replay`.
let referenceOperations: [String: ReferenceOperation] = [
  elementwiseReplay, reductionReplay, shapeReplay,
  linearReplay, convolutionReplay, poolingReplay, lossReplay, layerReplay,
].reduce(into: [:]) { all, family in
  all.merge(family) { _, _ in fatalError("two families replay the same op") }
}

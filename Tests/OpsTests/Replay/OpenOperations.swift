/// The ops of the stored sets that no function replays yet, a line or more for a family. They are counted and named as
/// "not yet"; any other op without a function fails the replay.
let openOperations: Set<String> = [
  activationsOpen, elementwiseOpen, reductionsOpen, scansOpen, algebraOpen, shapesOpen,
  convolutionsOpen, poolingsOpen, resizingOpen, normalizationsOpen, lossesOpen, recurrentOpen,
  boxesOpen,
].reduce(into: []) { all, names in
  for name in names.split(separator: " ") { all.insert(String(name)) }
}

private let activationsOpen =
  """
  silu hardSwish hardSigmoid relu6 hardTanh mish prelu softsign selu celu logSigmoid glu \
  softShrink hardShrink tanhShrink geluTanh softmin
  """
private let elementwiseOpen =
  """
  tan asin acos atan sinh cosh asinh acosh atanh exp2 log2 log10 rsqrt reciprocal floor ceil \
  round truncate erfc erfInverse lgamma digamma sinc isNaN isFinite isInfinite nanToNum atan2 \
  remainder truncatingRemainder hypot xlogy logAddExp lerp
  """
private let reductionsOpen =
  """
  product any all standardDeviation maxWithIndices minWithIndices argmin norm countNonzero
  """
private let scansOpen =
  """
  cumulativeSum logCumulativeSumExp cumulativeMax cumulativeProduct sorted argsort topK \
  kthSmallest median quantile
  """
private let algebraOpen =
  """
  einsum outer dot tensordot trace diagonal lowerTriangle upperTriangle
  """
private let shapesOpen =
  """
  rolled tiled repeatedElements movedAxis windows pixelShuffle pixelUnshuffle channelShuffle \
  meshgrid padded unfold2d fold2d scatter scatterAdd indexAdd maskedFill maskedSelect oneHot
  """
private let convolutionsOpen =
  """
  conv3d convTranspose1d convTranspose3d
  """
private let poolingsOpen =
  """
  maxPool1d averagePool1d adaptiveAveragePool1d adaptiveMaxPool1d maxPool3d averagePool3d \
  adaptiveAveragePool3d adaptiveMaxPool3d
  """
private let resizingOpen =
  """
  resize gridSample affineGrid
  """
private let normalizationsOpen =
  """
  instanceNorm rmsNorm normalized weightNorm
  """
private let lossesOpen =
  """
  klDivergence logCosh cosineSimilarity cosineEmbedding tripletMargin marginRanking \
  hingeEmbedding softMargin multiLabelSoftMargin multiLabelMargin poissonNLL gaussianNLL \
  sigmoidFocal dice binaryCrossEntropy ctc
  """
private let recurrentOpen =
  """
  rnn lstm gru gruCell scaledDotProductAttention multiHeadAttention embeddingBag
  """
private let boxesOpen =
  """
  boxIoU generalizedBoxIoU generalizedBoxIoULoss distanceBoxIoULoss completeBoxIoULoss nms \
  batchedNMS roiAlign positionSensitiveRoiAlign boxEncode boxDecode clipBoxes removeSmallBoxes \
  boxConvert
  """

/// The ops of the stored sets that no function replays yet, a line or more for a family. They are counted and named as
/// "not yet"; any other op without a function fails the replay.
let openOperations: Set<String> = [
  algebraOpen, shapesOpen, convolutionsOpen, poolingsOpen, normalizationsOpen,
  lossesOpen, recurrentOpen,
].reduce(into: []) { all, names in
  for name in names.split(separator: " ") { all.insert(String(name)) }
}

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

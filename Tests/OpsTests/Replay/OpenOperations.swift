/// The ops of the stored sets that no function replays yet, a line or more for a family. They are counted and named as
/// "not yet"; any other op without a function fails the replay.
let openOperations: Set<String> = [
  convolutionsOpen, poolingsOpen,
].reduce(into: []) { all, names in
  for name in names.split(separator: " ") { all.insert(String(name)) }
}

private let convolutionsOpen =
  """
  conv3d convTranspose1d convTranspose3d
  """
private let poolingsOpen =
  """
  maxPool1d averagePool1d adaptiveAveragePool1d adaptiveMaxPool1d maxPool3d averagePool3d \
  adaptiveAveragePool3d adaptiveMaxPool3d
  """

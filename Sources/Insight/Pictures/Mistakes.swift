import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryPictures

/// A test image that a net got wrong.
public struct Mistake: Sendable {
  /// The position of the image in its set.
  public let index: Int
  /// Its true class.
  public let truth: Int
  /// What the net took it for.
  public let answer: Int
  /// The softmax probabilities of all classes.
  public let probabilities: [Double]
  /// The image as the net took it, `[1, C, H, W]`.
  public let image: Tensor
}

/// The wrongly classified images of a set, worst first: by how little probability the true class got.
///
/// - Parameters:
///   - model: gives logits `[N, classes]`; runs in inference mode.
///   - loader: the images.
///   - count: how many at most. Default 16.
public func worstMistakes(
  of model: any Model, on loader: BatchLoader, count: Int = 16
) -> [Mistake] {
  var found: [Mistake] = []
  for batch in loader.epoch(0) {
    let logits = inference { model(batch.images) }
    let classes = logits.shape[1]
    let answers = withoutGradients { logits.argmax(along: 1) }.integers()
    let probabilities = withoutGradients { softmax(logits) }.scalars()
    for (place, truth) in batch.labels.integers().enumerated() where answers[place] != truth {
      found.append(
        Mistake(
          index: batch.indices[place], truth: truth, answer: answers[place],
          probabilities: Array(probabilities[place * classes..<(place + 1) * classes]),
          image: withoutGradients { batch.images.sliced(place..<place + 1, along: 0) }))
    }
    // Stable: equal ones stay in the order of the set.
    found.sort { $0.probabilities[$0.truth] < $1.probabilities[$1.truth] }
    found = Array(found.prefix(count))
  }
  return found
}

/// Mistakes as a sheet: what each image is, what it was taken for, and both probabilities.
public func mistakeSheet(_ mistakes: [Mistake], classNames: [String], title: String) -> Sheet {
  let items = mistakes.map { mistake in
    let truth = "\(classNames[mistake.truth]) \(percent(mistake.probabilities[mistake.truth]))"
    let answer = "\(classNames[mistake.answer]) \(percent(mistake.probabilities[mistake.answer]))"
    return Sheet.Item(
      RasterImage(picture: mistake.image), caption: "\(truth) / \(answer)")
  }
  return Sheet(
    title: title,
    sections: [
      Sheet.Section(
        mistakes.isEmpty ? "no mistakes" : "what it is / what it was taken for, with probabilities",
        items, itemSize: 104)
    ])
}

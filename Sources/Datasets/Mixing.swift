/// Mixes the images of a batch and their classes: mixup and CutMix.
struct Mixing {
  /// ``Transform/mixup(alpha:)`` and ``Transform/cutmix(alpha:)``, of which each image draws one.
  let steps: [Transform]
  let size: ImageSize
  let classCount: Int
  let seed: UInt64
  let epoch: Int

  /// Keeps these numbers apart from those that the other steps draw for the same image.
  private static let purpose: UInt64 = 0x5851_F42D_4C95_7F2D

  /// Mixes `values`, `[N, C, H, W]`, and returns the probabilities, `[N, classes]`.
  ///
  /// - Parameters:
  ///   - labels: the classes; afterwards those of the larger shares.
  ///   - positions: of the images in the set, which choose the random numbers.
  func mix(_ values: inout [Float], labels: inout [Int], positions: [Int]) -> [Float] {
    let originals = values
    let classes = labels
    let count = size.channels * size.height * size.width
    var probabilities = [Float](repeating: 0, count: positions.count * classCount)
    for index in positions.indices {
      var random = SampleRandom(seed: seed ^ Self.purpose, epoch: epoch, index: positions[index])
      let step = steps[random.integer(below: steps.count)]
      let partner = random.integer(below: positions.count)
      let image = index * count..<(index + 1) * count
      let other = partner * count
      var share: Double
      switch step {
      case .mixup(let alpha):
        share = random.beta(alpha)
        let (own, foreign) = (Float(share), Float(1 - share))
        for offset in 0..<count {
          values[image.lowerBound + offset] =
            own * originals[image.lowerBound + offset] + foreign * originals[other + offset]
        }
      case .cutmix(let alpha):
        let part = rectangle(share: 1 - random.beta(alpha), &random)
        for channel in 0..<size.channels {
          for row in part.rows {
            let start = (channel * size.height + row) * size.width
            for column in part.columns {
              values[image.lowerBound + start + column] = originals[other + start + column]
            }
          }
        }
        let covered = part.rows.count * part.columns.count
        share = 1 - Double(covered) / Double(size.height * size.width)
      default: share = 1
      }
      probabilities[index * classCount + classes[index]] += Float(share)
      probabilities[index * classCount + classes[partner]] += Float(1 - share)
      if share < 0.5 { labels[index] = classes[partner] }
    }
    return probabilities
  }

  /// A rectangle with the proportions of the image and this share of its area, about a random middle, cut off at
  /// the edges.
  private func rectangle(
    share: Double, _ random: inout SampleRandom
  ) -> (rows: Range<Int>, columns: Range<Int>) {
    let side = share.squareRoot()
    func part(of length: Int) -> Range<Int> {
      let cut = Int(side * Double(length))
      let start = random.integer(below: length) - cut / 2
      let low = min(max(0, start), length)
      return low..<max(low, min(length, start + cut))
    }
    return (part(of: size.height), part(of: size.width))
  }
}

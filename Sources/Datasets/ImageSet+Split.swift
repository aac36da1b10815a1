import TapestryGraph

extension ImageSet {
  /// A random division into images to learn from and images held out to test on.
  ///
  /// Every image is in exactly one part, and each part keeps the order of the set. The same set and
  /// seed give the same parts on every platform.
  ///
  /// - Parameters:
  ///   - fraction: the share held out, 0 ... 1, rounded to whole images. Default 0.2.
  ///   - seed: chooses the division. Default 0.
  ///   - stratified: whether the share is held out of each class by itself (and rounded there), so
  ///     that both parts have the same mixture of classes. Default false.
  public func split(
    heldOut fraction: Double = 0.2, seed: UInt64 = 0, stratified: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (training: ImageSet, heldOut: ImageSet) {
    guard fraction >= 0, fraction <= 1 else {
      trap("split: the held-out share \(fraction) is not in 0...1", file: file, line: line)
    }
    // The first images of a random order, of the whole or of each class, are held out.
    var remaining = [Int](repeating: 0, count: stratified ? classCount : 1)
    for label in labels { remaining[stratified ? label : 0] += 1 }
    for group in remaining.indices {
      remaining[group] =
        Int(exactly: (Double(remaining[group]) * fraction + 0.5).rounded(.down)) ?? 0
    }
    var isHeldOut = [Bool](repeating: false, count: count)
    for position in RandomSource(seed: seed, stream: .split).permutation(of: count) {
      let group = stratified ? labels[position] : 0
      guard remaining[group] > 0 else { continue }
      remaining[group] -= 1
      isHeldOut[position] = true
    }
    return (
      subset(indices.filter { !isHeldOut[$0] }, name: "\(name) training"),
      subset(indices.filter { isHeldOut[$0] }, name: "\(name) held out")
    )
  }
}

/// What a data set draws random numbers for. Each purpose has counters of its own under a seed, far
/// from those that other users of the same seed count up from 0.
enum RandomStream: UInt64 {
  case split = 0x2000_0000_0000_0000
  case shuffle = 0x4000_0000_0000_0000
}

extension RandomSource {
  convenience init(seed: UInt64, stream: RandomStream, block: UInt64 = 0) {
    self.init(state: RandomKey(key: seed, counter: stream.rawValue &+ block))
  }
}

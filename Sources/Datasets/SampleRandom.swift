import CTapestryKernels

/// The random numbers for one image in one epoch: they depend on the seed, the epoch and the position of
/// the image in its set alone, not on the batch it is in, on threads, or on what was drawn before.
///
/// SplitMix64 (G. L. Steele, D. Lea, C. H. Flood: Fast splittable pseudorandom number generators, OOPSLA
/// 2014), started from a hash of the three numbers.
public struct SampleRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The numbers for image `index` of the set in epoch `epoch`.
  public init(seed: UInt64, epoch: Int, index: Int) {
    // Far from what a plain counter would give, so that the three cannot cancel out.
    var hash = Self.mixed(seed &+ 0x6A09_E667_F3BC_C909)
    hash = Self.mixed(hash ^ UInt64(bitPattern: Int64(epoch)) &* 0xBB67_AE85_84CA_A73B)
    hash = Self.mixed(hash ^ UInt64(bitPattern: Int64(index)) &* 0x3C6E_F372_FE94_F82B)
    state = hash
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  private static func mixed(_ word: UInt64) -> UInt64 {
    var word = word
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A number in 0 ..< 1, a multiple of 2^-53.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number between the two.
  public mutating func uniform(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * unit()
  }

  /// A whole number in `0 ..< bound`; `bound` must be positive.
  public mutating func integer(below bound: Int) -> Int {
    // The high half of the product: the bias is below bound / 2^64.
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Whether something happens that has this probability.
  public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

  /// A number of the normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  mutating func normal() -> Double {
    let radius = (-2 * tapestry_log(1 - unit())).squareRoot()
    return radius * tapestry_cos(2 * .pi * unit())
  }

  /// A number of the beta distribution with both parameters `alpha`, which must be positive.
  mutating func beta(_ alpha: Double) -> Double {
    let (first, second) = (gamma(alpha), gamma(alpha))
    // Both can be 0 for a very small alpha; then one of the ends, as in the limit.
    return first + second > 0 ? first / (first + second) : chance(0.5) ? 1 : 0
  }

  /// A number of the gamma distribution of this shape and scale 1 (G. Marsaglia, W. W. Tsang: A simple
  /// method for generating gamma variables, ACM TOMS 26, 2000).
  private mutating func gamma(_ shape: Double) -> Double {
    guard shape >= 1 else {
      return gamma(shape + 1) * tapestry_pow(1 - unit(), 1 / shape)
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, tapestry_log(1 - unit()) < x * x / 2 + d - d * v + d * tapestry_log(v) {
        return d * v
      }
    }
  }
}

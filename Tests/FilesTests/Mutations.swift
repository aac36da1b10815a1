/// Damaged copies of a valid file: the same for the same seed.
struct Mutations: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// SplitMix64 (Steele, Lea and Flood 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A copy of `bytes` that is cut, lengthened, or has up to four bytes changed, removed, doubled or
  /// replaced by what is a boundary for parsers.
  mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var copy = bytes
    if Int.random(in: 0..<4, using: &self) == 0 {
      copy.removeLast(Int.random(in: 0...copy.count, using: &self))
    }
    let telling: [UInt8] = [0, 1, 9, 10, 127, 255] + Array(" \"#,-09[\\]{}".utf8)
    for _ in 0..<Int.random(in: 1...4, using: &self) where !copy.isEmpty {
      let place = Int.random(in: 0..<copy.count, using: &self)
      switch Int.random(in: 0..<5, using: &self) {
      case 0: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 1: copy[place] = telling.randomElement(using: &self) ?? 0
      case 2: copy.remove(at: place)
      case 3: copy.insert(copy[place], at: place)
      default: copy[place] = UInt8.random(in: .min ... .max, using: &self)
      }
    }
    return copy
  }
}

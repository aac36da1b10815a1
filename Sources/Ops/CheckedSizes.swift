import TapestryGraph

// Sizes that come from a caller's arguments may be any integers. A shape rule adds and multiplies them by these functions:
// what leaves the range of sizes is a misuse with words, and neither an overflow nor a size that a kernel believes.

/// The largest size of an axis. Products of two sizes, and some sums of such products, fit an `Int`.
let largestSize = Int(Int32.max)

/// a + b; `noun` is what the message calls it.
func checkedSum(
  _ a: Int, _ b: Int, _ noun: @autoclosure () -> String
) throws(Misuse) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  guard !overflow else { throw Misuse("\(noun()) is out of range: \(a) + \(b)") }
  return sum
}

/// The sum of all; `noun` is what the message calls it.
func checkedSum(_ numbers: [Int], _ noun: @autoclosure () -> String) throws(Misuse) -> Int {
  var sum = 0
  for number in numbers { sum = try checkedSum(sum, number, noun()) }
  return sum
}

/// a · b; `noun` is what the message calls it.
func checkedProduct(
  _ a: Int, _ b: Int, _ noun: @autoclosure () -> String
) throws(Misuse) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  guard !overflow else { throw Misuse("\(noun()) is out of range: \(a) times \(b)") }
  return product
}

/// An argument that counts pixels, elements or places lies in `least ... 2^31 - 1`.
func requireSize(
  _ size: Int, atLeast least: Int = 0, _ noun: @autoclosure () -> String
) throws(Misuse) {
  guard size >= least, size <= largestSize else {
    throw Misuse("\(noun()) is at least \(least) and at most \(largestSize), not \(size)")
  }
}

/// Both numbers of a pair lie in `least ... 2^31 - 1`.
func requireSize(
  _ pair: Pair, atLeast least: Int, _ noun: @autoclosure () -> String
) throws(Misuse) {
  guard pair.height >= least, pair.width >= least else {
    throw Misuse("\(noun()) is at least \(least)x\(least), not \(pair)")
  }
  guard pair.height <= largestSize, pair.width <= largestSize else {
    throw Misuse("\(noun()) is at most \(largestSize) each way, not \(pair)")
  }
}

extension TensorShape {
  /// These sizes, computed from a caller's arguments.
  init(checked sizes: [Int]) throws(Misuse) {
    guard let shape = TensorShape(validating: sizes) else {
      throw Misuse(
        "the result's sizes would be \(sizes); a tensor has at most 6 axes, and \(Self.limits)")
    }
    self = shape
  }

  /// `[N, C, H, W]`, computed from a caller's arguments.
  init(
    checked batch: Int, _ channels: Int, _ height: Int, _ width: Int
  ) throws(Misuse) {
    try self.init(checked: [batch, channels, height, width])
  }
}

// Sums, products and conversions of numbers that come from files and options: nil where the result does not fit.

/// The product of sizes; nil where one is negative or the product does not fit an `Int`.
package func checkedProduct(_ sizes: Int...) -> Int? { checkedProduct(of: sizes) }

/// The product of sizes, 1 of none; nil where one is negative or the product does not fit an `Int`.
package func checkedProduct(of sizes: some Sequence<Int>) -> Int? {
  var result = 1
  var isTooLarge = false
  for size in sizes {
    guard size >= 0 else { return nil }
    // Whatever is too large becomes nothing by a factor of 0.
    if size == 0 { return emptyProduct(of: sizes) }
    let (next, overflow) = result.multipliedReportingOverflow(by: size)
    isTooLarge = isTooLarge || overflow
    result = overflow ? 1 : next
  }
  return isTooLarge ? nil : result
}

/// 0, unless a size is negative.
private func emptyProduct(of sizes: some Sequence<Int>) -> Int? {
  sizes.allSatisfy { $0 >= 0 } ? 0 : nil
}

/// The sum of sizes; nil where one is missing or negative, or the sum does not fit an `Int`.
package func checkedSum(_ sizes: Int?...) -> Int? { checkedSum(of: sizes) }

/// The sum of sizes, 0 of none; nil where one is missing or negative, or the sum does not fit an `Int`.
package func checkedSum(of sizes: some Sequence<Int?>) -> Int? {
  var result = 0
  for size in sizes {
    guard let size, size >= 0 else { return nil }
    let (next, overflow) = result.addingReportingOverflow(size)
    if overflow { return nil }
    result = next
  }
  return result
}

/// The nearest whole number; nil where there is none in an `Int`: beyond its range, infinite, NaN.
package func wholeNumber(_ value: Double) -> Int? { Int(exactly: value.rounded()) }

/// The nearest whole number in `range`; its lower end for NaN.
package func wholeNumber(_ value: Double, in range: ClosedRange<Int>) -> Int {
  guard value > Double(range.lowerBound) else { return range.lowerBound }
  guard value < Double(range.upperBound) else { return range.upperBound }
  return min(max(Int(value.rounded()), range.lowerBound), range.upperBound)
}

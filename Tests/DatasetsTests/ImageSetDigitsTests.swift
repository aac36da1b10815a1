import TapestryDatasets
import Testing

@Suite("The embedded digits")
struct ImageSetDigitsTests {
  @Test("there are 1,797 digits in scikit-learn's order")
  func order() {
    let digits = ImageSet.digits
    #expect(digits.description == "digits: 1797 images of 1 x 8 x 8, 10 classes")
    #expect(Array(digits.labels.prefix(12)) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    #expect(Array(digits.labels.suffix(5)) == [9, 0, 8, 9, 8])
    #expect(
      Array(digits[0].pixels.prefix(16)) == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0])
    #expect(digits.maximumValue == 16)
    #expect(digits.pixels.max() == 16)
    // The class counts and the sum of all values, as scikit-learn's copy has them.
    #expect(
      (0..<10).map { label in digits.labels.count { $0 == label } }
        == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    #expect(digits.pixels.reduce(0) { $0 + Int($1) } == 561_718)
  }

  @Test("the first digit looks like a zero")
  func text() {
    // Bars keep the spaces at the ends of the lines.
    let lines = ImageSet.digits[0].text.split(separator: "\n").map { "|\($0)|" }
    #expect(
      lines == [
        "|  -#+.  |",
        "|  #%*%- |",
        "| :%. *+ |",
        "| :#  ++ |",
        "| -+  ++ |",
        "| :* .#= |",
        "| .%-*#  |",
        "|  -#*   |",
      ])
  }
}

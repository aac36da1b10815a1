import TapestryDatasets
import TestSupport
import Testing

@Suite("Image scaling")
struct ImageScalingTests {
  @Test("the largest whole factor is taken and the rest is padded on both sides")
  func placement() throws {
    func placement(_ source: (Int, Int), _ target: (Int, Int)) throws -> [Int] {
      let scaling = try ImageScaling(
        sourceHeight: source.0, sourceWidth: source.1, height: target.0, width: target.1)
      return [scaling.factor, scaling.top, scaling.left]
    }
    #expect(try placement((8, 8), (32, 32)) == [4, 0, 0])
    #expect(try placement((28, 28), (32, 32)) == [1, 2, 2])
    #expect(try placement((28, 28), (28, 28)) == [1, 0, 0])
    #expect(try placement((10, 10), (32, 32)) == [3, 1, 1])
    #expect(try placement((3, 3), (8, 8)) == [2, 1, 1])
    #expect(try placement((2, 5), (9, 10)) == [2, 2, 0])
    #expect(try placement((5, 2), (10, 9)) == [2, 0, 2])
  }

  @Test("what does not fit is refused with both sizes")
  func refusal() {
    #expect(
      message { try ImageScaling(sourceHeight: 40, sourceWidth: 28, height: 32, width: 32) }
        == "images of 40 x 28 do not fit into 32 x 32: they can be enlarged and padded, not reduced;"
        + " the target must be at least 40 x 28")
    #expect(
      message { try ImageScaling(sourceHeight: 8, sourceWidth: 8, height: 32, width: 0) }
        == "images of 8 x 8 do not fit into 32 x 0: they can be enlarged and padded, not reduced;"
        + " the target must be at least 8 x 8")
    #expect(
      message { try ImageScaling(sourceHeight: 0, sourceWidth: -1, height: 32, width: 32) }
        == "images of 0 x -1 do not fit into 32 x 32: sizes must be positive")
  }
}

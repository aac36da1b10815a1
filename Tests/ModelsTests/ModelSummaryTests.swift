import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("Summaries")
struct ModelSummaryTests {
  @Test("LeNet-5 by hand: shapes, parameters, multiply-adds, memory, receptive fields, totals")
  func leNet() throws {
    let summary = try LeNet5().summary(for: [1, 1, 32, 32])
    let layers = summary.rows.filter { $0.parameterCount > 0 }
    #expect(layers.map(\.layer) == ["c1", "c3", "c5", "f6", "output"])
    #expect(layers.map(\.parameterCount) == [156, 2416, 48_120, 10_164, 850])
    #expect(
      layers.map(\.multiplyAccumulates)
        == [6 * 28 * 28 * 25, 16 * 10 * 10 * 150, 120 * 400, 84 * 120, 840])
    #expect(layers[0].outputShape == [1, 6, 28, 28] && layers[4].outputShape == [1, 10])
    #expect(layers[0].activationBytes == 4 * 6 * 28 * 28)
    #expect(layers[0].operation == "conv2d 5x5")
    #expect(layers.map { $0.receptiveField?.height.size } == [5, 14, 32, 32, 32])
    #expect(summary.parameterCount == 61_706 && summary.stateBytes == 4 * 61_706)
    #expect(summary.multiplyAccumulates == 416_520)
    #expect(summary.unusedParameterCount == 0)
    // The op that only gives the map another shape takes no memory.
    #expect(summary.rows.contains { $0.operation == "reshape" && $0.activationBytes == 0 })
    let batch = try LeNet5().summary(for: [8, 1, 32, 32])
    #expect(batch.multiplyAccumulates == 8 * 416_520)
    #expect(batch.activationBytes == 8 * summary.activationBytes)
  }

  @Test("the table has aligned columns and the totals below")
  func table() throws {
    struct Net: Model {
      let conv = Conv2d(3, 8, kernel: 3, stride: 2, padding: 1)
      let fc = Linear(8, 2)
      let spare = Linear(8, 5)
      func callAsFunction(_ input: Tensor) -> Tensor {
        fc(adaptiveAveragePool2d(relu(conv(input)), outputSize: 1).flattened(from: 1))
      }
    }
    let net = Net()
    try net.freeze("conv")
    let summary = try net.summary(for: [2, 3, 8, 8])
    let lines = summary.description.split(separator: "\n")
    #expect(lines.count == 2 + summary.rows.count + 1 + 4)
    #expect(lines[0].hasPrefix("layer  op ") && lines[0].hasSuffix("  receptive field"))
    #expect(Array(lines.suffix(4)) == summary.totals.map { $0[...] })
    #expect(summary.totals[0] == "input [2, 3, 8, 8], output [2, 2]")
    #expect(
      summary.totals[1] == "parameters: 287, 224 of them frozen, 45 of them not used here")
    #expect(summary.totals[2].hasPrefix("multiply-adds: 6,944 for 2 images"))
  }

  @Test(
    "a shared parameter counts once, and a size that does not fit is answered with one that does")
  func edges() throws {
    struct Tied: Model {
      let first = Linear(4, 4)
      func callAsFunction(_ input: Tensor) -> Tensor { first(first(input)) }
    }
    let tied = try Tied().summary(for: [1, 4])
    #expect(tied.rows.map(\.parameterCount).reduce(0, +) == 20)
    #expect(tied.parameterCount == 20 && tied.rows.allSatisfy { $0.receptiveField == nil })
    let error = #expect(throws: InputMismatch.self) { try LeNet5().summary(for: [1, 1, 20, 20]) }
    #expect(error?.smallestSize == 32)
  }
}

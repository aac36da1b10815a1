import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("Receptive fields")
struct ReceptiveFieldTests {
  /// A net of one function.
  private struct Net: Model {
    let weight = Parameter(.ones([1, 1, 3, 3]))
    let small = Parameter(.ones([1, 1, 1, 1]))
    let run: Steps
    enum Steps { case chain, residual, squeeze, strided, uneven, rectangular }

    func callAsFunction(_ input: Tensor) -> Tensor {
      switch run {
      case .chain:
        let x = conv2d(input, weight, stride: 2, padding: 1)
        let y = relu(conv2d(x, weight, padding: 2, dilation: 2))
        return maxPool2d(y, window: 2, stride: 2)
      case .residual:
        return relu(conv2d(input, weight, padding: 1)) + conv2d(input, small) * 2
      case .squeeze:
        let maps = conv2d(input, weight, padding: 1)
        return maps * sigmoid(adaptiveAveragePool2d(maps, outputSize: 1))
      case .strided:
        let padded = input.padded([(0, 0), (0, 0), (2, 2), (2, 2)])
        let part = padded.sliced(1..<19, along: 2, step: 3)
        return conv2d(part, weight)
      case .uneven: return adaptiveAveragePool2d(input, outputSize: 5)
      case .rectangular:
        return averagePool2d(
          input, window: Pair(height: 1, width: 4), stride: Pair(height: 1, width: 2))
      }
    }
  }

  private func field(_ steps: Net.Steps, size: Int = 16) throws -> ReceptiveField {
    let trace = try Net(run: steps).trace(for: [1, 1, size, size])
    return try #require(trace.receptiveFields()[trace.outputs[0]])
  }

  @Test("a chain of convolutions and pools: size, jump and start by hand")
  func chain() throws {
    // 3, every 2, from -1; + 2 * 2 * 2 = 11, from -1 - 2 * 2 = -5; + 1 * 2 = 13, every 4.
    let found = try field(.chain)
    let axis = ReceptiveField.Axis(size: 13, jump: 4, start: -5)
    #expect(found == ReceptiveField(height: axis, width: axis))
    #expect(found.description == "13x13 every 4")
    #expect(axis.pixels(of: 2) == 3..<16)
  }

  @Test("branches are joined: the largest window, or everything where one has been pooled whole")
  func branches() throws {
    let axis = ReceptiveField.Axis(size: 3, jump: 1, start: -1)
    #expect(try field(.residual) == ReceptiveField(height: axis, width: axis))
    let whole = try field(.squeeze).height
    #expect(whole.jump == 0 && whole.pixels(of: 3) == -1..<17)
  }

  @Test(
    "padding and slices move the window, rectangles differ by axis, uneven bins read everything")
  func others() throws {
    let strided = try field(.strided)
    // Slices every 3 from pixel 1 - 2 on; a 3x3 filter spans 7 of them.
    #expect(strided.height == ReceptiveField.Axis(size: 7, jump: 3, start: -1))
    #expect(strided.width == ReceptiveField.Axis(size: 3, jump: 1, start: -2))
    #expect(try field(.rectangular).description == "1x4 every 1x2")
    #expect(try field(.uneven).height == ReceptiveField.Axis(size: 16, jump: 0, start: 0))
  }

  /// What the gradient of one unit reaches is what the window says, for windows inside the image.
  @Test("gradients reach the window and nothing else", arguments: [(3, 3), (2, 4)])
  func gradients(unit: (row: Int, column: Int)) throws {
    let net = Net(run: .chain)
    let input = Tensor.uniform([1, 1, 32, 32], source: RandomSource(seed: 3)).tracked()
    let window = try field(.chain, size: 32)
    let y = relu(
      conv2d(conv2d(input, net.weight, stride: 2, padding: 1), net.weight, padding: 2, dilation: 2))
    let pooled = averagePool2d(y, window: 2, stride: 2)
    var mask = [Double](repeating: 0, count: pooled.count)
    mask[unit.row * pooled.shape[3] + unit.column] = 1
    let cotangent = Tensor(mask, shape: pooled.shape)
    let gradient = TapestryGraph.gradients(
      of: pooled, withRespectTo: [input], cotangent: cotangent)[input]!.scalars()
    let reached = gradient.indices.filter { gradient[$0] != 0 }
    let rows = reached.map { $0 / 32 }
    let columns = reached.map { $0 % 32 }
    #expect(rows.min() == window.height.pixels(of: unit.row).lowerBound)
    #expect(rows.max() == window.height.pixels(of: unit.row).upperBound - 1)
    #expect(columns.min() == window.width.pixels(of: unit.column).lowerBound)
    #expect(columns.max() == window.width.pixels(of: unit.column).upperBound - 1)
  }
}

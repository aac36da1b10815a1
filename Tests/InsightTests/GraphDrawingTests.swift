import Tapestry
import TapestryFiles
import TapestryInsight
import TapestryPictures
import TestSupport
import Testing

@Suite("Graph drawings")
struct GraphDrawingTests {
  private func lines(_ drawing: GraphDrawing) -> [String] {
    drawing.boxes.map { $0.lines.joined(separator: ", ") }
  }

  @Test("a net in a row has a box per op, activations joined, and an edge between neighbours")
  func chain() throws {
    let net = LeNet5()
    let drawing = GraphDrawing(of: try net.trace(for: [1, 1, 32, 32]), title: "lenet5")
    #expect(
      lines(drawing) == [
        "input", "conv2d  5x5, tanh", "averagePool2d  2x2, stride 2", "conv2d  5x5, tanh",
        "averagePool2d  2x2, stride 2", "conv2d  5x5, tanh", "reshape", "linear, tanh", "linear",
      ])
    #expect(drawing.edges == (0..<8).map { GraphDrawing.Edge(from: $0, to: $0 + 1) })
    #expect(drawing.boxes.map(\.path) == ["", "c1", "s2", "c3", "s4", "c5", "", "f6", "output"])
    #expect(drawing.boxes[1].shape == "[1, 6, 28, 28]")
    #expect(drawing.boxes.map(\.parameterCount).reduce(0, +) == net.parameterCount)
    #expect(drawing.boxes.map(\.multiplyAccumulates).reduce(0, +) == 416_520)
    #expect(drawing.boxes[1].details.contains("  parameter c1.weight [6, 1, 5, 5] float32"))
  }

  @Test("with everything shown there is a box for every op and the input")
  func everything() throws {
    let trace = try LeNet5().trace(for: [1, 1, 32, 32])
    let drawing = GraphDrawing(of: trace, detail: .everything)
    #expect(drawing.boxes.count == trace.steps.count + 1)
  }

  @Test("equal blocks in a row are drawn once, with their number and their shortcut")
  func folding() throws {
    let trace = try SmallResNet().trace(for: [1, 1, 6, 6])
    let drawing = GraphDrawing(of: trace)
    #expect(drawing.blockRepeats == ["blocks.0": 3])
    #expect(
      lines(drawing) == [
        "input", "conv2d  3x3, padding 1, relu", "conv2d  3x3, padding 1, relu",
        "conv2d  3x3, padding 1", "add, relu", "reshape", "linear",
      ])
    #expect(
      Set(drawing.edges)
        == Set(
          [(0, 1), (1, 2), (2, 3), (3, 4), (1, 4), (4, 5), (5, 6)].map {
            GraphDrawing.Edge(from: $0.0, to: $0.1)
          }))
    #expect(drawing.boxes[4].blocks == ["blocks", "0"])
    let unfolded = GraphDrawing(of: trace, detail: .init(isFolding: false))
    #expect(unfolded.boxes.count == 3 * 3 + 4)
    #expect(unfolded.blockRepeats.isEmpty)
  }

  @Test("blocks beside one another are not taken for repeats")
  func branches() throws {
    let drawing = GraphDrawing(of: try ForkedNet().trace(for: [1, 2, 5, 5]))
    #expect(drawing.blockRepeats.isEmpty)
    #expect(drawing.boxes.count == 6)
  }

  @Test("blocks deeper than asked for are one box")
  func depth() throws {
    let trace = try SmallResNet().trace(for: [1, 1, 6, 6])
    let one = GraphDrawing(of: trace, detail: .init(depth: 1))
    #expect(one.boxes.map(\.path) == ["", "stem", "blocks", "", "fc"])
    #expect(one.boxes[2].opCount == 15)
    #expect(one.boxes[2].parameterCount == 3 * 2 * (4 * 4 * 9 + 4))
    #expect(one.edges == (0..<4).map { GraphDrawing.Edge(from: $0, to: $0 + 1) })
    let two = GraphDrawing(of: trace, detail: .init(depth: 2))
    #expect(two.boxes.map(\.path) == ["", "stem", "blocks.0", "", "fc"])
    #expect(two.boxes[2].repeats == 3)
    #expect(two.boxes[2].opCount == 5)
  }

  @Test("a block is opened by its name while the others stay closed")
  func opening() throws {
    let trace = try SmallResNet().trace(for: [1, 1, 6, 6])
    #expect(
      GraphDrawing.blockNames(of: trace) == ["blocks", "blocks.0", "blocks.1", "blocks.2"])
    let middle = GraphDrawing(of: trace, detail: .init(depth: 1, opened: ["blocks.1"]))
    let paths = middle.boxes.map(\.path)
    #expect(paths.prefix(3) == ["", "stem", "blocks.0"])
    #expect(paths.contains("blocks.1.conv1") && paths.contains("blocks.1.conv2"))
    #expect(paths.suffix(3) == ["blocks.2", "", "fc"])
    #expect(middle.boxes.allSatisfy { $0.repeats == 1 } && middle.blockRepeats.isEmpty)
    // What a block holds adds up to what is drawn of it.
    let one = GraphDrawing(of: trace, detail: .init(depth: 1))
    #expect(middle.boxes.map(\.parameterCount).reduce(0, +) == one.parameterCount)
    #expect(middle.dot().contains("blocks.1"))
    // All of them are alike again, and drawn once.
    let all = GraphDrawing(of: trace, detail: .init(depth: 1, opened: ["blocks"]))
    #expect(all.blockRepeats == ["blocks.0": 3])
    #expect(all.boxes.map(\.path).contains("blocks.0.conv1"))
    // Nothing is left out of a block that stays closed.
    let resnet = try dryRun { try #require(ModelCatalog.entry(named: "resnet18")).make(10, 3) }
      .trace(
        for: [1, 3, 64, 64])
    let opened = GraphDrawing(of: resnet, detail: .init(depth: 1, opened: ["layer2.0"]))
    let closed = GraphDrawing(of: resnet, detail: .init(depth: 1, isFolding: false))
    func box(_ drawing: GraphDrawing, _ path: String) -> [Int] {
      drawing.boxes.filter { $0.path == path }.flatMap { [$0.opCount, $0.parameterCount] }
    }
    #expect(box(opened, "layer1") == box(closed, "layer1") && box(opened, "layer1").count == 2)
    #expect(opened.boxes.contains { $0.path == "layer2.1" && $0.family == .block })
  }

  @Test("a tape is drawn with its parameters and stays differentiable")
  func tape() {
    let weight = Parameter(Tensor([2, 3]), name: "weight")
    let x = Tensor([1, 5]).tracked()
    let loss = (tanh(weight * x)).sum()
    let drawing = GraphDrawing(of: loss, title: "loss")
    #expect(Set(lines(drawing)) == ["weight", "tracked tensor", "multiply", "tanh", "sum"])
    #expect(drawing.edges.count == 4)
    #expect(loss.gradients()[weight] != nil)
  }

  @Test("times are the sum of the ops in a box; there must be one for each step")
  func times() throws {
    let net = LeNet5()
    let trace = try net.trace(for: [1, 1, 32, 32])
    let times = net.stepTimes(of: .zeros([1, 1, 32, 32]))
    #expect(times.count == trace.steps.count)
    #expect(times.allSatisfy { $0 >= 0 })
    let drawing = GraphDrawing(of: trace, times: Array(1...12))
    #expect(drawing.boxes[1].nanoseconds == 1 + 2)
    #expect(drawing.boxes[8].nanoseconds == 12)
  }

  @Test("SVG is well formed and names every layer", arguments: [true, false])
  func svg(costs: Bool) throws {
    let drawing = GraphDrawing(
      of: try SmallResNet().trace(for: [1, 1, 6, 6]), title: "a <small> & \"quick\" net")
    let text = drawing.svg(costs: costs).text
    #expect(isWellFormed(text))
    #expect(elementsWithoutPlainColors(inSVG: text) == [])
    #expect(text.contains("a &lt;small&gt; &amp; &quot;quick&quot; net"))
    #expect(text.contains("blocks.0  and 2 more like it"))
    #expect(text.contains("conv2d  3x3, padding 1</text>"))
    #expect(text.contains("MAC") == costs)
    #expect(text.contains("1,363 parameters"))
  }

  @Test("views go from the outermost blocks to all ops, the chosen one shown")
  func views() throws {
    let trace = try SmallResNet().trace(for: [1, 1, 6, 6])
    let views = GraphDrawing.views(of: trace, title: "net")
    #expect(views.map(\.boxes.count) == [5, 7])
    let picture = GraphDrawing.svg(views: views, first: 1)
    let text = picture.text
    #expect(isWellFormed(text.replacing(/<script>(.|\n)*<\/script>/, with: "")))
    #expect(elementsWithoutPlainColors(inSVG: text) == [])
    #expect(text.components(of: "<g class=\"view\"") == 1)
    // Without a style sheet one view alone is seen.
    #expect(text.components(of: "display=\"none\"") == 1)
    #expect(text.components(of: "<g class=\"view on\"") == 1)
    #expect(text.components(of: "class=\"button") == 2)
    #expect(picture.height == views[1].svg().height + 34)
    let single = GraphDrawing.views(of: try LeNet5().trace(for: [1, 1, 32, 32]))
    #expect(single.count == 1)
    #expect(!GraphDrawing.svg(views: single, first: 0).text.contains("<script>"))
  }

  @Test("DOT has a node per box, an edge per edge, a cluster per block")
  func dot() throws {
    let drawing = GraphDrawing(of: try SmallResNet().trace(for: [1, 1, 6, 6]), title: "a \"net\"")
    let text = drawing.dot()
    #expect(text.components(of: " -> ") == drawing.edges.count)
    #expect(text.components(of: " [label=") == drawing.boxes.count)
    #expect(text.components(of: "subgraph cluster_") == 2)
    #expect(text.contains("label=\"a \\\"net\\\"\""))
    #expect(text.hasPrefix("digraph {") && text.hasSuffix("}\n"))
  }
}

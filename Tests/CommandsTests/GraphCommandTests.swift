import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

@Suite("convnet graph")
struct GraphCommandTests {
  private func read(_ path: String) throws -> String {
    String(decoding: try readPossiblyCompressed(path, limit: 1 << 24), as: UTF8.self)
  }

  @Test("an SVG names the layers and the size")
  func svg() throws {
    let scratch = try Scratch()
    let session = Session([
      "graph", "lenet5", "--input", "3,32,32", "--classes", "4", "--output", scratch("net.svg"),
    ])
    #expect(session.exitCode == 0)
    #expect(session.lines == ["\(scratch("net.svg")): lenet5, 12 ops in 9 boxes"])
    let text = try read(scratch("net.svg"))
    #expect(text.hasPrefix("<svg "))
    #expect(text.contains(">lenet5, 3x32x32</text>"))
    #expect(text.contains("parameter c1.weight [6, 3, 5, 5] float32"))
    #expect(!text.contains(" MAC"))
  }

  @Test("DOT has a node for every op on request, with costs and times")
  func dot() throws {
    let scratch = try Scratch()
    let session = Session([
      "graph", "lenet5", "--every-op", "--cost", "--time", "--output", scratch("net.dot"),
    ])
    #expect(session.exitCode == 0)
    #expect(session.lines == ["\(scratch("net.dot")): lenet5, 12 ops in 13 boxes"])
    let text = try read(scratch("net.dot"))
    #expect(text.hasPrefix("digraph {"))
    #expect(text.contains("n1 [label=\"c1\\nconv2d  5x5\\n"))
    #expect(text.contains("118 k MAC"))
    #expect(text.contains("µs") || text.contains("ms"))
  }

  @Test("--open draws one block with what is inside, as SVG and as DOT")
  func opening() throws {
    let scratch = try Scratch()
    for ending in ["svg", "dot"] {
      let path = scratch("net.\(ending)")
      let frame = ending == "svg" ? ">layer2.0</text>" : "label=\"layer2.0\"; style"
      let closed = Session(["graph", "resnet18", "--depth", "1", "--output", path])
      #expect(closed.lines == ["\(path): resnet18, 69 ops in 8 boxes"])
      #expect(try !read(path).contains(frame))
      let open = Session(
        ["graph", "resnet18", "--depth", "1", "--open", "layer2.0", "--output", path])
      #expect(open.lines == ["\(path): resnet18, 69 ops in 13 boxes"])
      #expect(try read(path).contains(frame))
    }
  }

  @Test(
    "mistakes name the remedy and write nothing",
    arguments: [
      (["graph", "lenet"], 2, "option '--output FILE' is required"),
      (["graph", "lenet", "--output", "x.svg"], 1, #"no model "lenet" (did you mean 'lenet5'?)"#),
      (
        ["graph", "resnet18", "--open", "layer2.7,layer9.*", "--output", "x.svg"], 1,
        #"resnet18 has no block "layer2.7" (did you mean 'layer"#
      ),
      (
        ["graph", "resnet18", "--open", "layer2", "--every-op", "--output", "x.svg"], 2,
        "goes without --open"
      ),
      (["graph", "lenet5", "--output", "x.png"], 2, "must end in .svg or .dot"),
      (["graph", "lenet5", "--output", "x.svg", "--input", "32"], 2, "channels, height and width"),
      (
        ["graph", "lenet5", "--output", "x.svg", "--input", "1,8,8"], 1,
        "the smallest square image this net takes is 16x16"
      ),
    ])
  func mistakes(words: [String], code: Int32, text: String) {
    let session = Session(words)
    #expect(session.exitCode == code)
    #expect(session.output.isEmpty)
    #expect(session.complaint.contains(text))
  }
}

import Tapestry
import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

@Suite("convnet belief")
struct BeliefCommandTests {
  private let small = [
    "--images", "48", "--epochs", "2", "--groups", "4,6", "--kernels", "5,3", "--seed", "3",
  ]

  @Test("learns from digits, draws every layer, saves the net; the same seed gives the same bytes")
  func digits() throws {
    let scratch = try Scratch()
    let session = Session(["belief", "--output", scratch("a")] + small)
    #expect(session.exitCode == 0 && session.complaint.isEmpty, "\(session.errors)")
    #expect(session.lines[0] == "digits: 48 images, black to white as probabilities, seen at 20x20")
    #expect(
      session.lines[1]
        == "2 layers: 4 filters of 5x5, pools of 2x2; 6 filters of 3x3, pools of 2x2")
    let epochs = session.lines.filter { $0.contains("reconstruction error") }
    #expect(
      epochs.map { $0.prefix(18) } == [
        "layer 1  epoch 1/2", "layer 1  epoch 2/2", "layer 2  epoch 1/2", "layer 2  epoch 2/2",
      ])
    let names = ["filters-1", "filters-2", "reconstructions"]
    let expected = names.flatMap { ["\($0).png", "\($0).svg"] } + ["belief.safetensors"]
    #expect(try Set(namesInDirectory(scratch("a"))) == Set(expected))
    func images(_ name: String) throws -> Int {
      let text = String(decoding: try scratch.bytes("a/\(name).svg"), as: UTF8.self)
      return text.split(separator: "<image ", omittingEmptySubsequences: false).count - 1
    }
    #expect(try names.map(images) == [4, 6, 16])

    let net = DeepBeliefNet([
      ConvolutionalRBM(1, 4, kernel: 5), ConvolutionalRBM(4, 6, kernel: 3),
    ])
    let before = net.layers[1].weight.value.scalars()
    try net.load(from: scratch("a/belief.safetensors"))
    #expect(net.layers[1].weight.value.scalars() != before)

    let again = Session(["belief", "--quiet", "--threads", "1", "--output", scratch("b")] + small)
    #expect(again.exitCode == 0 && again.lines.count == 4)
    for name in expected {
      #expect(try scratch.bytes("a/\(name)") == scratch.bytes("b/\(name)"), "\(name)")
    }
  }

  @Test("a request to stop ends the training, keeps what there is and says so")
  func stopping() throws {
    let scratch = try Scratch()
    let session = Session(
      ["belief", "--output", scratch("a")] + small, isTerminal: true,
      stopWhen: { $0.contains("layer 1  epoch 1/2") })
    #expect(session.exitCode == 130)
    #expect(session.output.contains("stopped in the training of layer 1"))
    #expect(!session.output.contains("layer 2  epoch"))
    #expect(session.output.contains(" left"))
    #expect(try namesInDirectory(scratch("a")).contains("belief.safetensors"))
  }

  @Test("images in colour are made gray and whitened, without their border")
  func colour() throws {
    let scratch = try Scratch()
    let data = try AugmentCommandTests.shapes(scratch)
    let session = Session(
      ["belief", "--data", data, "--size", "24", "--output", scratch("a"), "--deviation", "0.7"]
        + small)
    #expect(session.exitCode == 0, "\(session.errors)")
    #expect(session.lines[0] == "shapes: 48 images, gray, whitened, seen at 20x20")
    let file = try SafetensorsState(path: scratch("a/belief.safetensors"))
    #expect(file.metadata["visible"] == "gaussian 0.7" && file.metadata["input"] == "1x20x20")
  }

  @Test("a folder with a net is replaced only with --overwrite")
  func overwriting() throws {
    let scratch = try Scratch()
    let words = ["belief", "--quiet", "--output", scratch("a")] + small
    #expect(Session(words).exitCode == 0)
    let first = try scratch.bytes("a/belief.safetensors")
    let other = words.dropLast(2) + ["--seed", "4"]
    let refused = Session(Array(other))
    #expect(refused.exitCode == 1 && refused.complaint.contains("replace it with --overwrite"))
    #expect(try scratch.bytes("a/belief.safetensors") == first)
    #expect(Session(other + ["--overwrite"]).exitCode == 0)
    #expect(try scratch.bytes("a/belief.safetensors") != first)
  }

  @Test(
    "mistakes name the remedy, before anything is written",
    arguments: [
      (
        ["--groups", "4,4", "--kernels", "5"], 2,
        "'--kernels' has 1 number, but '--groups' makes 2 layers"
      ),
      (["--pooling", "2,2,2"], 2, "'--pooling' has 3 numbers"),
      (["--visible", "real"], 2, "one of binary, gaussian"),
      (["--groups", ""], 2, "makes no layer"),
      (["--visible", "gaussian", "--kernels", "40,3"], 1, "choose smaller --kernels"),
      (["--data", "/nowhere"], 1, "/nowhere"),
    ])
  func errors(words: [String], code: Int32, text: String) throws {
    let scratch = try Scratch()
    let session = Session(["belief", "--output", scratch("a"), "--epochs", "1"] + words)
    #expect(session.exitCode == code)
    #expect(session.complaint.contains(text), "\(session.complaint)")
    #expect(scratch.names.isEmpty)
  }
}

import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

@Suite("convnet train --pretrained --freeze")
struct PretrainedCommandTests {
  /// The bytes of one array of a weights file.
  private func bytes(_ name: String, of path: String) throws -> [UInt8] {
    let file = try SafetensorsFile(path: path)
    return file.withUnsafeBytes(of: try #require(file[name])) { Array($0) }
  }

  @Test("training begins with the weights of a file; frozen ones stay, the others move")
  func freezing() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    #expect(
      Session(["train", "--data", data, "--epochs", "1", "--quiet", "--output", scratch("a")])
        .exitCode == 0)
    let first = scratch("a/weights.safetensors")
    let session = Session([
      "train", "--data", data, "--epochs", "1", "--seed", "7", "--output", scratch("b"),
      "--pretrained", first, "--freeze", "c1.*,c3.*",
    ])
    #expect(session.exitCode == 0, "\(session.errors)")
    #expect(session.output.contains("loaded 10 names, left out 0"))
    #expect(session.output.contains("frozen: 2,572 of"))
    let second = scratch("b/weights.safetensors")
    for name in ["c1.weight", "c1.bias", "c3.weight", "c3.bias"] {
      #expect(try bytes(name, of: first) == bytes(name, of: second), "\(name)")
    }
    for name in ["c5.weight", "f6.weight", "output.weight"] {
      #expect(try bytes(name, of: first) != bytes(name, of: second), "\(name)")
    }
  }

  @Test("what does not fit is refused or listed")
  func refusals() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    #expect(
      Session([
        "train", "--model", "digitnet", "--data", data, "--epochs", "1", "--quiet", "--output",
        scratch("a"),
      ]).exitCode == 0)
    let other = scratch("a/weights.safetensors")
    let words = ["train", "--data", data, "--epochs", "1", "--output", scratch("b")]
    let foreign = Session(words + ["--pretrained", other])
    #expect(foreign.exitCode == 1)
    #expect(foreign.complaint.contains("nothing was loaded"))
    let absent = Session(words + ["--freeze", "feature.*"])
    #expect(absent.exitCode == 1)
    #expect(absent.complaint.contains("feature.*"))
    let everything = Session(words + ["--freeze", "*"])
    #expect(everything.exitCode == 1)
    #expect(everything.complaint.contains("leaves nothing to train"))
    #expect(Session(words + ["--pretrained", scratch("none")]).exitCode == 1)
  }
}

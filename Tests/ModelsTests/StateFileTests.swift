import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("State files")
struct StateFileTests {
  private func temporaryPath(_ name: String) -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent(
      "tapestry-\(UUID().uuidString)-\(name)"
    ).path
  }

  @Test("what was saved loads into a fresh net, bit for bit, in float64 too")
  func roundTrip() throws {
    let path = temporaryPath("lenet.safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let net = LeNet5()
    try net.save(to: path, metadata: ["model": "lenet5"])
    let other = LeNet5()
    #expect(net.state[0].value.scalars() != other.state[0].value.scalars())
    try other.load(from: path)
    for (a, b) in zip(net.state, other.state) {
      #expect(a.name == b.name)
      #expect(a.value.scalars() == b.value.scalars())
    }
    #expect(try SafetensorsFile(path: path).metadata["model"] == "lenet5")

    struct Wide: Model {
      let weight = Parameter(Tensor([0.1, 0.2], dtype: .float64))
      func callAsFunction(_ input: Tensor) -> Tensor { input * weight }
    }
    struct Narrow: Model {
      let weight = Parameter(Tensor([0, 0]))
      func callAsFunction(_ input: Tensor) -> Tensor { input * weight }
    }
    try Wide().save(to: path)
    let narrow = Narrow()
    try narrow.load(from: path)
    #expect(narrow.weight.value.scalars() == [Double(Float(0.1)), Double(Float(0.2))])
  }

  @Test("weights of another model: every name that differs is listed, and nothing changes")
  func otherModel() throws {
    let path = temporaryPath("digitnet.safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try DigitNet().save(to: path)
    let net = LeNet5()
    let before = net.state.map { $0.value.scalars() }
    let error = #expect(throws: StateMismatch.self) { try net.load(from: path) }
    let mismatch = try #require(error)
    #expect(mismatch.problems.count == 20)
    #expect(mismatch.problems.contains("missing: c1.weight [6, 1, 5, 5] float32"))
    #expect(mismatch.problems.contains("unknown: conv1.weight [6, 1, 5, 5]"))
    #expect(net.state.map { $0.value.scalars() } == before)
    let small = LeNet5(classes: 3)
    let shape = #expect(throws: StateMismatch.self) {
      try net.save(to: path)
      try small.load(from: path)
    }
    #expect(
      try #require(shape).problems == [
        "shape: output.weight is [10, 84] in the file, [3, 84] in the model",
        "shape: output.bias is [10] in the file, [3] in the model",
      ])
  }

  @Test("a missing file, and a folder that does not exist, leave words and nothing else")
  func world() {
    #expect(throws: FileError.self) { try LeNet5().load(from: "/nonexistent/weights.safetensors") }
    #expect(throws: FileError.self) { try LeNet5().save(to: "/nonexistent/weights.safetensors") }
  }
}

import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import TestSupport
import Testing

/// The nets against what PyTorch computed for them in float64.
///
/// The plain test command replays the small nets, and of some large ones the cases with small images. With
/// `TAPESTRY_ZOO=all` every case of every net is replayed, and so are those of another set in the same format in the
/// folder `zoo` of `TAPESTRY_REFERENCE`.
@Suite("ZooReplay", .serialized)
struct ZooReplay {
  private static var isComplete: Bool {
    let environment = ProcessInfo.processInfo.environment
    return environment["TAPESTRY_ZOO"] == "all"
      || !(environment["TAPESTRY_REFERENCE"] ?? "").isEmpty
  }

  /// What the plain test command replays: all cases of the nets for small images, of the others those named.
  private static let quick: [String: Set<String>] = [
    "lenet5": [], "lenet5_1998": [], "harleynet": [], "fourclassnet": [],
    "squeezenet1_1": ["infer_small", "train_small"], "resnet18": ["infer_small", "train_small"],
    "resnet50": ["train_small"], "googlenet_aux": ["infer_small", "train_small"],
    "googlenet_2014": ["infer"], "densenet121": ["train_small"],
  ]

  @Test("the fill vectors")
  func fillVectors() throws {
    let json = try StoredNet.json("fill_vectors.json")
    #expect(fnv1a64("foobar") == 0x8594_4171_F739_67E8)
    #expect(splitMix64(1_234_567) == 6_457_827_717_110_365_317)
    let seed = hexadecimal(json["seed"])
    let vectors = json["vectors"]?.array ?? []
    #expect(!vectors.isEmpty)
    for vector in vectors {
      let name = vector["name"]!.string!
      let index = UInt64(vector["index"]!.int!)
      let hash = splitMix64((fnv1a64(name) ^ seed) &+ index &* 0x9E37_79B9_7F4A_7C15)
      #expect(hash == hexadecimal(vector["hash"]), "\(name)")
    }
  }

  @Test("every net of the stored set")
  func nets() throws {
    let index = try StoredNet.json("index.json")
    var names = (index["nets"]?.array ?? []).compactMap { $0["net"]?.string }
    if !Self.isComplete { names = names.filter { Self.quick[$0] != nil } }
    #expect(!names.isEmpty)
    var problems: [String] = []
    var failed = 0
    for name in names {
      let replay = try NetReplay(name)
      let wanted = Self.isComplete ? [] : Self.quick[name] ?? []
      replay.run({ wanted.isEmpty || wanted.contains($0) }, float32: true)
      problems += replay.problems.map { "\(name): \($0)" }
      if !replay.problems.isEmpty { failed += 1 }
    }
    print("replayed \(names.count) nets, \(failed) failed")
    #expect(problems.isEmpty, "\(problems.prefix(20).joined(separator: "\n"))")
  }

  @Test("30 steps of SGD with momentum, float64")
  func trajectories() throws {
    let json = try StoredNet.json("trajectory.json")
    let recipe = try #require(json["recipe"])
    let batch = recipe["batch"]!.int!
    let images = (json["images"]?.array ?? []).map { Self.pixels($0.string!) }
    let labels = json["labels"].sizes
    let runs = json["runs"]?.array ?? []
    #expect(!runs.isEmpty)
    for run in runs {
      let name = run["net"]!.string!
      let stored = try StoredNet(name)
      let net = try #require(stored.placeholder(.float64))
      let seed = hexadecimal(json["seed"])
      var values: [String: Tensor] = [:]
      for entry in stored.tensors {
        let name = entry["name"]!.string!
        values[name] = fill(
          name, shape: entry["shape"].sizes, kind: entry["fill"]!.string!,
          scale: entry["scale"]!.double!, seed: seed)
      }
      net.take(values)
      let optimizer = SGD(
        net.parameters, learningRate: run["lr"]!.double!, momentum: recipe["momentum"]!.double!)
      var worst = 0.0
      for (step, expected) in run["losses"].numbers.enumerated() {
        let range = step * batch..<(step + 1) * batch
        let x = Tensor(
          range.flatMap { images[$0] }, shape: [batch, 1, 32, 32], dtype: .float64)
        let loss = softmaxCrossEntropy(net(x), labels: Tensor(integers: Array(labels[range])))
        worst = max(worst, abs(loss.item - expected) / abs(expected))
        optimizer.update(along: loss.gradients())
      }
      #expect(worst < 1e-8, "\(name) at \(run["lr"]!.double!): losses off by \(worst)")
      let rows = run["parameters_after"]?.array ?? []
      #expect(rows.count == net.members.parameters.count)
      for ((name, parameter), row) in zip(net.members.parameters, rows) {
        #expect(row[0]?.string == name)
        let values = parameter.value.scalars()
        let size = max(row[2]!.double!, 1e-3)
        #expect(abs(norm(values) - row[2]!.double!) / size < 1e-8, "\(name)")
        for (value, expected) in zip(values, row[3].numbers) {
          #expect(abs(value - expected) / size < 1e-8, "\(name)")
        }
      }
    }
  }

  /// 64 characters 0...9, a...g to a 32x32 image in 0...1, each pixel a 4x4 block.
  private static func pixels(_ text: String) -> [Double] {
    let values = text.map { Double(Int(String($0), radix: 17)!) / 16 }
    return (0..<1024).map { values[$0 / 32 / 4 * 8 + $0 % 32 / 4] }
  }
}

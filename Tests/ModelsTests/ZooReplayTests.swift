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

  @Test("the stored training steps, float64")
  func trajectories() throws {
    let replay = try TrajectoryReplay(StoredNet.json("trajectory.json"))
    #expect(!replay.runs.isEmpty)
    for run in replay.runs {
      let name = "\(run["net"]?.string ?? "") at \(run["lr"]?.double ?? .nan)"
      let (losses, parameters) = try replay.replay(run)
      #expect(losses < 1e-8, "\(name): losses off by \(losses)")
      for (parameter, deviation) in parameters {
        #expect(deviation < 1e-8, "\(name): \(parameter) off by \(deviation)")
      }
    }
  }

  @Test("steps of any optimizer of the stored cases can be replayed; others are refused with words")
  func recipes() throws {
    func moved(_ recipe: JSONValue, _ run: JSONValue) throws -> Double {
      let weight = Parameter(Tensor([1], dtype: .float64), name: "weight")
      let optimizer = try trajectoryOptimizer(recipe, run, [weight])
      optimizer.update(along: (weight * 0.5).sum().gradients())
      return weight.value.scalars()[0]
    }
    // The first step of Adam is learningRate g / (|g| + epsilon).
    let adam: JSONValue = ["optimizer": "adam", "eps": 0.5, "betas": [0.8, 0.9], "batch": 32]
    #expect(abs(try moved(adam, ["lr": 0.1]) - (1 - 0.1 * 0.5 / 1)) < 1e-12)
    let adamW: JSONValue = ["optimizer": "AdamW", "epsilon": 0.5, "weight_decay": 0.25]
    #expect(abs(try moved(adamW, ["lr": 0.1]) - (1 * (1 - 0.1 * 0.25) - 0.05)) < 1e-12)
    #expect(try moved(["optimizer": "sgd"], ["lr": 0.5]) == 0.75)
    for op in ["adagrad", "rmsprop", "adadelta", "adamax", "nadam", "radam", "rprop"] {
      #expect(try moved(["optimizer": .string(op)], [:]) < 1, "\(op)")
    }
    let unknown = #expect(throws: TrajectoryError.self) {
      try moved(["optimizer": "sophia"], ["lr": 0.5])
    }
    #expect(unknown?.description.hasPrefix("the recipe's optimizer is sophia, but only ") == true)
    let rateless = #expect(throws: TrajectoryError.self) { try moved(["optimizer": "sgd"], [:]) }
    #expect(rateless?.description == "neither the recipe nor the run says the learning rate")
    let empty = #expect(throws: TrajectoryError.self) { try TrajectoryReplay([:]) }
    #expect(empty?.description == "the trajectory has no recipe")
  }
}

import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import TestSupport

/// What keeps a set of stored steps from being replayed.
struct TrajectoryError: Error, CustomStringConvertible {
  let description: String
}

/// The steps of `trajectory.json`: a recipe that all runs share, and the runs.
struct TrajectoryReplay {
  private let json: JSONValue
  private let recipe: JSONValue
  private let batch: Int
  private let images: [[Double]]
  private let labels: [Int]
  let runs: [JSONValue]

  init(_ json: JSONValue) throws {
    self.json = json
    recipe = try json.member("recipe", of: "the trajectory")
    batch = try recipe.value("batch", of: "the recipe", \.int)
    labels = Optional(try json.member("labels", of: "the trajectory")).sizes
    images = (json["images"]?.array ?? []).compactMap(\.string).map(Self.pixels)
    runs = json["runs"]?.array ?? []
    guard batch > 0, images.count == labels.count else {
      throw TrajectoryError(
        description: "\(images.count) images, \(labels.count) labels, batches of \(batch)")
    }
  }

  /// Makes the steps of a run and returns what differs from what is stored, as shares of what it should be.
  func replay(_ run: JSONValue) throws -> (losses: Double, parameters: [(String, Double)]) {
    let name = try run.value("net", of: "a run", \.string)
    let stored = try StoredNet(name)
    guard let net = stored.placeholder(.float64) else {
      throw TrajectoryError(description: "this package does not define the net \(name)")
    }
    let seed = hexadecimal(json["seed"])
    var values: [String: Tensor] = [:]
    for entry in stored.tensors {
      let name = try entry.value("name", of: "a tensor", \.string)
      values[name] = fill(
        name, shape: entry["shape"].sizes, kind: try entry.value("fill", of: name, \.string),
        scale: try entry.value("scale", of: name, \.double), seed: seed)
    }
    net.take(values)
    let optimizer = try trajectoryOptimizer(recipe, run, net.parameters)
    let losses = run["losses"].numbers
    guard !losses.isEmpty, losses.count * batch <= images.count else {
      throw TrajectoryError(
        description: "\(name): \(losses.count) steps of \(batch) images, but \(images.count) images"
      )
    }
    var worst = 0.0
    for (step, expected) in losses.enumerated() {
      let range = step * batch..<(step + 1) * batch
      let x = Tensor(range.flatMap { images[$0] }, shape: [batch, 1, 32, 32], dtype: .float64)
      let loss = softmaxCrossEntropy(net(x), labels: Tensor(integers: Array(labels[range])))
      worst = max(worst, abs(loss.item - expected) / abs(expected))
      optimizer.update(along: loss.gradients())
    }
    return (worst, try deviations(of: net, run, name))
  }

  private func deviations(
    of net: any Model, _ run: JSONValue, _ name: String
  ) throws -> [(String, Double)] {
    let rows = run["parameters_after"]?.array ?? []
    let parameters = net.members.parameters
    guard rows.map({ $0[0]?.string }) == parameters.map(\.name) else {
      throw TrajectoryError(description: "\(name): the stored parameters are others than the net's")
    }
    return try zip(parameters, rows).map { named, row in
      let values = named.parameter.value.scalars()
      guard let stored = row[2]?.double else {
        throw TrajectoryError(description: "\(name): no norm of \(named.name) is stored")
      }
      let found = [norm(values)] + values
      let differences = zip(found, [stored] + row[3].numbers).map { abs($0 - $1) }
      return (named.name, (differences.max() ?? .infinity) / max(stored, 1e-3))
    }
  }

  /// 64 characters 0...9, a...g to a 32x32 image in 0...1, each pixel a 4x4 block.
  private static func pixels(_ text: String) -> [Double] {
    let values = text.map { Double(Int(String($0), radix: 17) ?? 0) / 16 }
    guard values.count == 64 else { return [] }
    return (0..<1024).map { values[$0 / 32 / 4 * 8 + $0 % 32 / 4] }
  }
}

/// The optimizer that a recipe names, with its attributes and those of the run; what neither says is PyTorch's default.
///
/// Attributes have the names of the stored optimizer cases, or PyTorch's: `lr`, `eps`, `betas`, `weight_decay`.
func trajectoryOptimizer(
  _ recipe: JSONValue, _ run: JSONValue, _ parameters: [Parameter]
) throws -> any Optimizer {
  let named = try recipe.value("optimizer", of: "the recipe", \.string)
  guard
    let op = optimizerDefaults.keys.first(where: { $0.lowercased() == named.lowercased() }),
    var attributes = optimizerDefaults[op]?.object
  else {
    let known = optimizerDefaults.keys.sorted().joined(separator: ", ")
    throw TrajectoryError(
      description: "the recipe's optimizer is \(named), but only \(known) are replayed")
  }
  for member in (recipe.object?.members ?? []) + (run.object?.members ?? []) {
    switch member.key {
    case "lr": attributes["learningRate"] = member.value
    case "eps": attributes["epsilon"] = member.value
    case "betas":
      attributes["beta1"] = member.value[0]
      attributes["beta2"] = member.value[1]
    default:
      let words = member.key.split(separator: "_")
      let key = (words.prefix(1).map(String.init) + words.dropFirst().map(\.capitalized)).joined()
      if attributes[key] != nil { attributes[key] = member.value }
    }
  }
  guard attributes["learningRate"]?.double != nil else {
    throw TrajectoryError(description: "neither the recipe nor the run says the learning rate")
  }
  for member in attributes.members where member.value.double == nil && member.value.bool == nil {
    throw TrajectoryError(description: "the recipe's \(member.key) is no number: \(member.value)")
  }
  guard
    let optimizer = referenceOptimizer(
      op, ReferenceAttributes(.object(attributes), "trajectory"), parameters)
  else { throw TrajectoryError(description: "no optimizer replays \(op)") }
  return optimizer
}

/// The optimizers of the stored cases, with PyTorch's defaults.
private let optimizerDefaults: [String: JSONValue] = [
  "sgd": [
    "learningRate": .null, "momentum": 0.0, "dampening": 0.0, "nesterov": false,
    "weightDecay": 0.0,
  ],
  "adam": [
    "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.0,
    "amsgrad": false,
  ],
  "adamW": [
    "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 1e-2,
    "amsgrad": false,
  ],
  "adagrad": [
    "learningRate": 1e-2, "learningRateDecay": 0.0, "initialAccumulator": 0.0, "epsilon": 1e-10,
    "weightDecay": 0.0,
  ],
  "rmsprop": [
    "learningRate": 1e-2, "alpha": 0.99, "epsilon": 1e-8, "momentum": 0.0, "centered": false,
    "weightDecay": 0.0,
  ],
  "adadelta": ["learningRate": 1.0, "rho": 0.9, "epsilon": 1e-6, "weightDecay": 0.0],
  "adamax": [
    "learningRate": 2e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.0,
  ],
  "nadam": [
    "learningRate": 2e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "momentumDecay": 4e-3,
    "weightDecay": 0.0,
  ],
  "radam": [
    "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.0,
  ],
  "rprop": [
    "learningRate": 1e-2, "etaMinus": 0.5, "etaPlus": 1.2, "minimumStep": 1e-6,
    "maximumStep": 50.0,
  ],
]

extension JSONValue {
  fileprivate func member(_ key: String, of what: String) throws -> JSONValue {
    guard let value = self[key] else {
      throw TrajectoryError(description: "\(what) has no \(key)")
    }
    return value
  }

  /// The member's text or number.
  fileprivate func value<Value>(
    _ key: String, of what: String, _ kind: (JSONValue) -> Value?
  ) throws -> Value {
    let value = try member(key, of: what)
    guard let found = kind(value) else {
      throw TrajectoryError(description: "\(key) of \(what) is \(value)")
    }
    return found
  }
}

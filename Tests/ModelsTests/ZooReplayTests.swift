import Foundation
import Synchronization
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import TestSupport
import Testing

/// The nets against what PyTorch computed for them in float64.
@Suite("ZooReplay", .serialized)
struct ZooReplay {
  @Test("the fill vectors")
  func fillVectors() throws {
    let directory = ReferenceSet.directory.appendingPathComponent("zoo", isDirectory: true)
    let json = try JSONValue(contentsOf: directory.appendingPathComponent("fill_vectors.json").path)
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

  @Test("every stored net that this package defines")
  func nets() throws {
    var problems: [String] = []
    var failed = 0
    for (name, make) in StoredNet.definitions {
      let replay = try NetReplay(name, make)
      replay.run()
      problems += replay.problems.map { "\(name): \($0)" }
      if !replay.problems.isEmpty { failed += 1 }
    }
    print("replayed \(StoredNet.definitions.count) nets, \(failed) failed")
    #expect(problems.isEmpty, "\(problems.prefix(20).joined(separator: "\n"))")
  }

  @Test("30 steps of SGD with momentum, float64")
  func trajectories() throws {
    let directory = ReferenceSet.directory.appendingPathComponent("zoo", isDirectory: true)
    let json = try JSONValue(contentsOf: directory.appendingPathComponent("trajectory.json").path)
    let recipe = try #require(json["recipe"])
    let batch = recipe["batch"]!.int!
    let momentum = recipe["momentum"]!.double!
    let images = (json["images"]?.array ?? []).map { Self.pixels($0.string!) }
    let labels = json["labels"].sizes
    let runs = json["runs"]?.array ?? []
    #expect(!runs.isEmpty)
    for run in runs {
      let name = run["net"]!.string!
      guard let make = StoredNet.definitions.first(where: { $0.name == name })?.make else {
        continue
      }
      let stored = try StoredNet(name)
      let net = make(10)
      // The same net in float64: parameters of their own, put in the place of the model's.
      let members = net.members.parameters
      let values = Dictionary(
        uniqueKeysWithValues: stored.tensors.map { ($0["name"]!.string!, $0) })
      let parameters = members.map {
        Parameter(
          fill(
            $0.name, shape: Array($0.parameter.shape), kind: values[$0.name]!["fill"]!.string!,
            scale: values[$0.name]!["scale"]!.double!, seed: hexadecimal(json["seed"])),
          name: $0.name)
      }
      let optimizer = SGD(
        parameters, learningRate: run["lr"]!.double!, momentum: momentum)
      var worst = 0.0
      for (step, expected) in run["losses"].numbers.enumerated() {
        let range = step * batch..<(step + 1) * batch
        let x = Tensor(
          range.flatMap { images[$0] }, shape: [batch, 1, 32, 32], dtype: .float64)
        let pairs = zip(members, parameters).map { ($0.0.parameter as Tensor, $0.1 as Tensor) }
        let loss = substitutingParameters(pairs) {
          softmaxCrossEntropy(net(x), labels: Tensor(integers: Array(labels[range])))
        }
        worst = max(worst, abs(loss.item - expected) / abs(expected))
        optimizer.update(along: loss.gradients())
      }
      #expect(worst < 1e-8, "\(name) at \(run["lr"]!.double!): losses off by \(worst)")
      for (parameter, row) in zip(parameters, run["parameters_after"]?.array ?? []) {
        let values = parameter.value.scalars()
        let size = max(row[2]!.double!, 1e-3)
        #expect(abs(norm(values) - row[2]!.double!) / size < 1e-8, "\(name) \(parameter.name!)")
        for (value, expected) in zip(values, row[3].numbers) {
          #expect(abs(value - expected) / size < 1e-8, "\(name) \(parameter.name!)")
        }
      }
    }
  }

  /// Each parameter's value in the place of the model's, as a leaf of the other parameter.
  private func substitutingParameters(_ pairs: [(Tensor, Tensor)], _ body: () -> Tensor) -> Tensor {
    substituting(pairs, body)
  }

  /// 64 characters 0...9, a...g to a 32x32 image in 0...1, each pixel a 4x4 block.
  private static func pixels(_ text: String) -> [Double] {
    let values = text.map { Double(Int(String($0), radix: 17)!) / 16 }
    return (0..<1024).map { values[$0 / 32 / 4 * 8 + $0 % 32 / 4] }
  }
}

/// One net's replay.
final class NetReplay {
  let stored: StoredNet
  let model: any Model
  private(set) var problems: [String] = []

  init(_ name: String, _ make: (Int) -> any Model) throws {
    stored = try StoredNet(name)
    model = make(stored.json["classes"]!.int!)
  }

  func run() {
    checkMembers()
    for item in stored.json["cases"]?.array ?? [] { check(item) }
    checkFloat32()
  }

  private func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { problems.append(problem()) }
  }

  private func close(_ values: [Double], _ expected: [Double], to tolerance: Double, _ what: String)
  {
    guard values.count == expected.count else {
      problems.append("\(what): \(values.count) values, expected \(expected.count)")
      return
    }
    let size = max(norm(expected), 1e-12)
    for (value, reference) in zip(values, expected)
    where !(abs(value - reference) <= tolerance * size) {
      problems.append("\(what): \(value), expected \(reference)")
      return
    }
  }

  private func checkMembers() {
    let members = model.members.state
    expect(
      members.map(\.name) == stored.tensors.map { $0["name"]!.string! },
      "names \(members.map(\.name))")
    for (member, entry) in zip(members, stored.tensors) {
      expect(Array(member.value.shape) == entry["shape"].sizes, "shape of \(member.name)")
      close(
        [norm(stored.filled(entry).scalars())], entry["l2"].numbers, to: 1e-9,
        "fill of \(member.name)")
    }
    expect(
      model.parameterCount == stored.json["parameter_count"]!.int!,
      "\(model.parameterCount) parameters")
  }

  private func check(_ item: JSONValue) {
    let id = item["id"]!.string!
    let pairs = stored.substitutes(for: model)
    let input = stored.input(item["input_shape"].sizes)
    if item["labels"] == nil {
      let log = LayerLog()
      let logits = inference { substituting(pairs) { observing(log) { model(input) } } }
      checkLogits(logits, item, id)
      checkLayers(log, item, id)
      return
    }
    let x = input.tracked()
    let labels = Tensor(integers: item["labels"].sizes)
    let log = LayerLog()
    let (logits, loss) = substituting(pairs) { () -> (Tensor, Tensor) in
      let logits = observing(log) { model(x) }
      return (logits, softmaxCrossEntropy(logits, labels: labels))
    }
    checkLogits(logits, item, id)
    checkLayers(log, item, id)
    close([loss.item], item["loss"].numbers, to: 1e-9, "\(id) loss")
    let targets = [("input", x)] + zip(model.members.state, pairs).map { ($0.0.name, $0.1.1) }
    let result = gradients(of: loss, withRespectTo: targets.map(\.1))
    let rows = item["gradients"]?.array ?? []
    expect(rows.count == targets.count, "\(id): \(rows.count) gradients for \(targets.count)")
    for row in rows {
      let name = row[0]!.string!
      guard let target = targets.first(where: { $0.0 == name })?.1, let gradient = result[target]
      else {
        problems.append("\(id): no gradient of \(name)")
        continue
      }
      let values = gradient.scalars()
      let size = row[1]!.double!
      let position = row[3]!.int!
      let found = [norm(values)] + values.prefix(3) + [values[position]]
      let expected = [size] + row[2].numbers + [row[4]!.double!]
      close(Array(found), expected, to: 1e-9, "\(id) gradient of \(name)")
    }
  }

  private func checkLogits(_ logits: Tensor, _ item: JSONValue, _ id: String) {
    if let full = item["logits"]?["full"] {
      close(logits.scalars(), Optional(full).numbers, to: 1e-9, "\(id) logits")
    } else {
      problems.append("\(id): no logits stored in full")
    }
  }

  /// Norms of what every layer put out, and shapes and multiplications for one image.
  private func checkLayers(_ log: LayerLog, _ item: JSONValue, _ id: String) {
    let seen = log.last
    for row in item["activations"]?.array ?? [] {
      let name = row[0]!.string!
      guard let entry = seen[name] else {
        problems.append("\(id): no layer \(name)")
        continue
      }
      close([entry.norm], [row[1]!.double!], to: 1e-9, "\(id) activation of \(name)")
    }
    let images = item["input_shape"].sizes[0]
    guard id == "infer" else { return }
    for layer in stored.json["layers"]?.array ?? [] {
      let name = layer["name"]!.string!
      guard let entry = seen[name] else { continue }
      expect(
        Array(entry.shape.dropFirst()) == Array(layer["output"].sizes.dropFirst()),
        "\(name): output \(entry.shape)")
      if let macs = layer["macs"]?.int {
        expect(
          entry.arithmetic == 2 * macs * images, "\(name): \(entry.arithmetic / 2) multiplications")
      }
    }
  }

  /// The model itself, in float32, within ten times PyTorch's own deviation.
  private func checkFloat32() {
    let state = zip(model.members.state, stored.tensors)
    for (member, entry) in state {
      let value = stored.filled(entry).converted(to: .float32)
      if let parameter = member.value as? Parameter { parameter.value = value }
      if let buffer = member.value as? Buffer { buffer.value = value }
    }
    for item in stored.json["cases"]?.array ?? [] where item["labels"] == nil {
      let input = stored.input(item["input_shape"].sizes).converted(to: .float32)
      let logits = inference { model(input) }.scalars()
      let expected = item["logits"]?["full"].numbers ?? []
      let largest = expected.map(abs).max() ?? 1
      for (value, reference) in zip(logits, expected) {
        expect(abs(value - reference) <= 2e-5 * largest, "float32 logits: \(value), \(reference)")
      }
    }
  }
}

/// The last result of every named layer.
final class LayerLog: OperationObserver {
  struct Entry {
    let norm: Double
    let shape: TensorShape
    let arithmetic: Int
  }
  private let entries = Mutex<[String: Entry]>([:])
  var last: [String: Entry] { entries.withLock { $0 } }

  func didApply(_ event: OperationEvent) {
    guard let name = event.site.layer?.name else { return }
    let entry = Entry(
      norm: norm(event.outputs[0].scalars()), shape: event.outputs[0].shape,
      arithmetic: event.cost.arithmetic)
    entries.withLock { $0[name] = entry }
  }
}

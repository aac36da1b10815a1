import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// The replay of one stored net; `problems` lists what differs.
final class NetReplay {
  /// Agreement asked for in float64, relative to the norm of what is compared.
  private static let tolerance = 1e-9

  let stored: StoredNet
  private(set) var problems: [String] = []
  private(set) var values: [String: Tensor] = [:]
  private(set) var logits: [String: [Double]] = [:]
  /// What float64 gave for the case at hand: the gradients of the input and of all parameters, and the statistics.
  private(set) var gradients: [String: Tensor] = [:]
  private(set) var statistics: [String: Tensor] = [:]

  init(_ name: String) throws { stored = try StoredNet(name) }

  /// - Parameters:
  ///   - isWanted: whether a case is replayed, by its name.
  ///   - float32: whether the cases are replayed in float32, too.
  func run(_ isWanted: (String) -> Bool, float32: Bool) {
    guard let model = stored.placeholder(.float64) else {
      problems.append("this package does not define the net")
      return
    }
    checkMembers(model)
    guard problems.isEmpty else { return }
    checkCosts(model)
    let cases = stored.cases.filter { isWanted($0["id"]!.string!) }
    if cases.isEmpty { problems.append("no case is replayed") }
    for item in cases {
      model.take(values)
      (gradients, statistics) = ([:], [:])
      check(model, item)
      if float32 { checkFloat32(item) }
    }
  }

  func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { problems.append(problem()) }
  }

  /// - Parameter size: what the tolerance is relative to; the norm of what is expected by default.
  private func close(
    _ values: [Double], _ expected: [Double], size: Double? = nil, _ what: String
  ) {
    guard values.count == expected.count else {
      problems.append("\(what): \(values.count) values, expected \(expected.count)")
      return
    }
    let size = max(size ?? norm(expected), 1e-12)
    for (value, reference) in zip(values, expected)
    where !(abs(value - reference) <= Self.tolerance * size) {
      problems.append("\(what): \(value), expected \(reference)")
      return
    }
  }

  /// Names, shapes, order and counts; keeps the filled values.
  private func checkMembers(_ model: any Model) {
    let members = model.members.state
    let names = members.map(\.name)
    let expected = stored.tensors.map { $0["name"]!.string! }
    if names != expected {
      let place = zip(names, expected).enumerated().first { $1.0 != $1.1 }?.offset
      problems.append(
        "\(names.count) tensors, expected \(expected.count); they differ from place"
          + " \(place ?? min(names.count, expected.count)) on: \(place.map { names[$0] } ?? "")")
      return
    }
    for (member, entry) in zip(members, stored.tensors) {
      expect(Array(member.value.shape) == entry["shape"].sizes, "shape of \(member.name)")
      expect(
        (member.value is Parameter) == (entry["role"]?.string == "parameter"),
        "role of \(member.name)")
      let value = stored.filled(entry)
      close([norm(value)], entry["l2"].numbers, "fill of \(member.name)")
      values[member.name] = value
    }
    expect(
      model.parameterCount == stored.json["parameter_count"]!.int!,
      "\(model.parameterCount) parameters")
    if let net = model as? LeNet5Original {
      expect(
        net.connectedParameterCount == stored.json["connected_parameter_count"]?.int,
        "\(net.connectedParameterCount) connected parameters")
      let table = stored.json["connection_table"]?["c3"]?.array?.map { Optional($0).sizes }
      expect(net.c3.connections == table, "connection table")
    }
  }

  /// Output shapes and multiplications of every layer, for one image, without computing.
  private func checkCosts(_ model: any Model) {
    let log = LayerLog()
    let shape = TensorShape(stored.countedShape)
    do {
      _ = try inference {
        try dryRun { observing(log) { allLogits(model, .shape(shape, dtype: .float64)) } }
      }
    } catch {
      problems.append("\(error)")
      return
    }
    var (total, headTotal) = (0, 0)
    let results = log.results(of: stored.layers.map { $0["name"]!.string! })
    for (layer, result) in zip(stored.layers, results) {
      let name = layer["name"]!.string!
      guard let result else {
        problems.append("no layer \(name)")
        continue
      }
      let output = layer["output"].sizes
      expect(
        Array(result.shape) == output || result.shape.elementCount == output.reduce(1, *),
        "\(name): output \(result.shape), expected \(output)")
      guard let macs = layer["macs"]?.int else { continue }
      var found = result.multiplyAccumulates
      if name == "c3", let net = model as? LeNet5Original {
        // The convolution multiplies by the zeros of its mask as well.
        found = net.c3.connectionCount * output[2] * output[3]
      }
      expect(found == macs, "\(name): \(found) multiplications, expected \(macs)")
      if layer["training_only"]?.bool == true { headTotal += found } else { total += found }
    }
    expect(total == stored.json["macs"]!.int!, "\(total) multiplications")
    if let withHeads = stored.json["macs_with_auxiliary_heads"]?.int {
      expect(total + headTotal == withHeads, "\(total + headTotal) multiplications with heads")
    }
  }

  /// Main logits first, then those of auxiliary heads.
  func allLogits(_ model: any Model, _ input: Tensor) -> [Tensor] {
    guard let net = model as? any AuxiliaryModel else { return [model(input)] }
    let (main, auxiliary) = net.logits(of: input)
    return [main] + auxiliary
  }

  private func check(_ model: any Model, _ item: JSONValue) {
    let id = item["id"]!.string!
    let input = stored.input(item["input_shape"].sizes)
    let log = LayerLog()
    guard item["labels"] != nil else {
      let result = inference { observing(log) { model(input) } }
      checkLogits(result, item["logits"], id, "logits")
      checkLayers(log, item, id)
      return
    }
    let x = input.tracked()
    let labels = Tensor(integers: item["labels"].sizes)
    var loss: Tensor
    do {
      let results = observing(log) { allLogits(model, x) }
      let terms = results.map { softmaxCrossEntropy($0, labels: labels) }
      loss = terms[0]
      let weight = (model as? any AuxiliaryModel)?.auxiliaryWeight ?? 0
      for (index, term) in terms.enumerated() {
        let name = index == 0 ? "logits" : "aux\(index)"
        checkLogits(results[index], item[name], id, name)
        if let expected = item["loss_terms"]?[name]?.double {
          close([term.item], [expected], "\(id) loss of \(name)")
        }
        if index > 0 { loss = loss + term * weight }
      }
      let heads = item["loss_terms"]?.object?.count ?? 1
      expect(terms.count == heads, "\(id): \(terms.count) heads, expected \(heads)")
    }
    checkLayers(log, item, id)
    close([loss.item], item["loss"].numbers, "\(id) loss")
    checkGradients(loss, model, x, item, id)
    checkStatistics(model, item, id)
  }

  private func checkLogits(_ result: Tensor, _ item: JSONValue?, _ id: String, _ name: String) {
    let all = result.scalars()
    logits["\(id) \(name)"] = all
    if let full = item?["full"] {
      close(all, Optional(full).numbers, "\(id) \(name)")
      return
    }
    let classes = result.shape[1]
    let first = item?["first16"]?.array ?? []
    expect(first.count == result.shape[0], "\(id) \(name): \(result.shape)")
    for (image, row) in first.enumerated() {
      let values = Array(all[image * classes..<(image + 1) * classes])
      let size = item?["l2"].numbers[image] ?? 0
      let what = "\(id) \(name) of image \(image)"
      close([norm(values)], [size], "\(what), norm")
      close(Array(values.prefix(16)), Optional(row).numbers, size: size, what)
      close(
        [values.reduce(0, +)], [item?["sum"].numbers[image] ?? .nan], size: size, "\(what), sum")
      let best = values.indices.max { values[$0] < values[$1] }
      expect(best == item?["argmax"].sizes[image], "\(what): the largest is \(best ?? -1)")
    }
  }

  private func checkLayers(_ log: LayerLog, _ item: JSONValue, _ id: String) {
    let rows = item["activations"]?.array ?? []
    expect(!rows.isEmpty, "\(id): no activations are stored")
    let results = log.results(of: rows.map { $0[0]!.string! })
    for (row, result) in zip(rows, results) {
      let name = row[0]!.string!
      close([result?.norm ?? .nan], [row[1]!.double!], "\(id) activation of \(name)")
    }
  }

  private func checkGradients(
    _ loss: Tensor, _ model: any Model, _ x: Tensor, _ item: JSONValue, _ id: String
  ) {
    let result = loss.gradients()
    let targets =
      [("input", x)] + model.members.parameters.map { ($0.name, $0.parameter as Tensor) }
    let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.0, $0.1) })
    let rows = item["gradients"]?.array ?? []
    expect(
      Set(rows.map { $0[0]!.string! }) == Set(byName.keys),
      "\(id): \(rows.count) gradients for \(targets.count) tensors")
    let zeros = Set(item["zero_gradients"]?.array?.compactMap(\.string) ?? [])
    let largest = rows.map { $0[1]!.double! }.max() ?? 0
    for row in rows {
      let name = row[0]!.string!
      guard let target = byName[name] else { continue }
      guard let gradient = result[target] else {
        problems.append("\(id): no gradient of \(name)")
        continue
      }
      gradients[name] = gradient
      let position = row[3]!.int!
      let values = gradient.scalars()
      let found = [norm(values)] + values.prefix(3) + [values[position]]
      let expected = [row[1]!.double!] + row[2].numbers + [row[4]!.double!]
      // A gradient that is zero in truth is rounding noise of the others.
      let size = zeros.contains(name) ? largest : row[1]!.double!
      close(Array(found), expected, size: size, "\(id) gradient of \(name)")
    }
  }

  /// Running means and variances after the training pass.
  private func checkStatistics(_ model: any Model, _ item: JSONValue, _ id: String) {
    let buffers = Dictionary(
      uniqueKeysWithValues: model.members.buffers.map { ($0.name, $0.buffer.value) })
    statistics = buffers
    let rows = item["running_stats"]?.array ?? []
    expect(rows.count * 2 == buffers.count, "\(id): \(buffers.count) buffers")
    for row in rows {
      for (place, kind) in ["running_mean", "running_var"].enumerated() {
        let name = "\(row[0]!.string!).\(kind)"
        close([buffers[name].map { norm($0) } ?? .nan], [row[place + 1]!.double!], "\(id) \(name)")
      }
    }
    for row in item["running_stats_first8"]?.object?.members ?? [] {
      for kind in ["running_mean", "running_var"] {
        let values = buffers["\(row.key).\(kind)"]?.scalars() ?? []
        let expected = row.value[kind].numbers
        close(
          Array(values.prefix(expected.count)), expected, size: norm(values),
          "\(id) \(row.key).\(kind)")
      }
    }
  }
}

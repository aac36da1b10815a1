import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

// The cases in float32, against what float64 gave: logits, and after a training pass gradients and statistics too.

extension NetReplay {
  /// Agreement of logits, relative to the largest one: ten times PyTorch's own deviation.
  private static let inferenceTolerance32 = 2e-5
  private static let trainingTolerance32 = 2e-4
  /// Of norms of gradients. A ReLU input or a pool's winner within rounding of a kink moves single gradients by so much.
  private static let normTolerance32 = 0.03
  /// Activations of a pass up to which no input lies within rounding of a kink, as a rule.
  private static let fewActivations = 300_000

  func checkFloat32(_ item: JSONValue) {
    let id = "\(item["id"]!.string!)"
    guard let model = stored.placeholder(.float32) else { return }
    model.take(values)
    let input = stored.input(item["input_shape"].sizes).converted(to: .float32)
    guard item["labels"] != nil else {
      checkLogits32([inference { model(input) }], id, Self.inferenceTolerance32)
      return
    }
    let x = input.tracked()
    let results = allLogits(model, x)
    checkLogits32(results, id, Self.trainingTolerance32)
    let labels = Tensor(integers: item["labels"].sizes)
    let weight = (model as? any AuxiliaryModel)?.auxiliaryWeight ?? 0
    var loss = softmaxCrossEntropy(results[0], labels: labels)
    for result in results.dropFirst() {
      loss = loss + softmaxCrossEntropy(result, labels: labels) * weight
    }
    checkGradients32(loss, model, x, item, id)
    for (name, buffer) in model.members.buffers {
      let deviation = deviation(buffer.value, statistics[name])
      expect(
        deviation <= Self.trainingTolerance32, "\(id) in float32: \(name) off by \(deviation)")
    }
  }

  private func checkLogits32(_ results: [Tensor], _ id: String, _ tolerance: Double) {
    for (index, result) in results.enumerated() {
      let name = index == 0 ? "logits" : "aux\(index)"
      let expected = logits["\(id) \(name)"] ?? []
      let largest = expected.map(abs).max() ?? .nan
      let worst = zip(result.scalars(), expected).map { abs($0 - $1) }.max() ?? .nan
      expect(
        worst <= tolerance * largest, "\(id) in float32: \(name) off by \(worst / largest)")
    }
  }

  /// Norms agree in every net. Where there are few activations, or rounding moved PyTorch's gradients as well, whole gradients
  /// keep to ten times what it moved those.
  private func checkGradients32(
    _ loss: Tensor, _ model: any Model, _ x: Tensor, _ item: JSONValue, _ id: String
  ) {
    let result = loss.gradients()
    let zeros = Set(item["zero_gradients"]?.array?.compactMap(\.string) ?? [])
    let recorded = item["float32_deviation"]?["gradient_worst"]?.double ?? 0
    let perImage = stored.layers.reduce(0) { $0 + $1["output"].sizes.reduce(1, *) }
    let isSmall = perImage * item["input_shape"].sizes[0] <= Self.fewActivations
    let bound = isSmall ? 10 * max(recorded, 1e-5) : max(10 * recorded, 0.1)
    let targets =
      [("input", x)] + model.members.parameters.map { ($0.name, $0.parameter as Tensor) }
    expect(gradients.count == targets.count, "\(id) in float32: \(gradients.count) gradients")
    for (name, target) in targets where !zeros.contains(name) {
      guard let found = result[target], let expected = gradients[name] else {
        expect(false, "\(id) in float32: no gradient of \(name)")
        continue
      }
      let ratio = norm(found.scalars()) / norm(expected.scalars())
      expect(
        abs(ratio - 1) <= Self.normTolerance32,
        "\(id) in float32: the norm of the gradient of \(name) is \(ratio) of what it should be")
      let deviation = deviation(found, expected)
      expect(deviation <= bound, "\(id) in float32: gradient of \(name) off by \(deviation)")
    }
  }

  /// The norm of the difference relative to that of what is expected.
  private func deviation(_ value: Tensor, _ expected: Tensor?) -> Double {
    guard let expected, value.shape == expected.shape else { return .infinity }
    let (a, b) = (value.scalars(), expected.scalars())
    return norm(zip(a, b).map { $0 - $1 }) / max(norm(b), 1e-12)
  }
}

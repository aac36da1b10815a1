import Synchronization
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim

/// Something to be measured: random data, and what is done with it again and again.
struct Workload {
  /// What it is, in a few words: `resnet18 training step, batch 8 of 3x224x224`.
  let title: String
  /// Images per call; `nil` where there are none.
  let images: Int?
  let run: () -> Void

  /// Multiplications and additions of convolutions and matrix products in one call.
  func arithmetic() -> Int {
    let counter = ArithmeticCounter()
    observing(counter) { run() }
    return counter.total
  }

  /// A training step (forward, loss, backward, SGD with momentum) or the inference of a net.
  static func net(
    _ entry: CatalogEntry, _ model: any Model, shape: TensorShape, classes: Int, isTraining: Bool
  ) -> Workload {
    let images = Tensor.normal(shape)
    let size = "batch \(shape[0]) of \(shape[1])x\(shape[2])x\(shape[3])"
    guard isTraining else {
      return Workload(
        title: "\(entry.name) inference, \(size)", images: shape[0],
        run: { _ = inference { model(images) } })
    }
    let step = TrainingStep(model, images: images, classes: classes)
    return Workload(
      title: "\(entry.name) training step, \(size)", images: shape[0], run: { step.run() })
  }

  /// The product of an m x k and a k x n matrix; in training also the gradients by both.
  static func product(m: Int, k: Int, n: Int, isTraining: Bool) -> Workload {
    let a = Tensor.normal([m, k])
    let b = Tensor.normal([k, n])
    return operation("matrix product \(m)x\(k) by \(k)x\(n)", [a, b], isTraining) {
      matmul($0[0], $0[1])
    }
  }

  /// A convolution with bias; in training also the gradients by input, filters and bias.
  ///
  /// - Throws: `CommandError` for sizes that do not fit together.
  static func convolution(
    input: TensorShape, filters: TensorShape, stride: Int, padding: Int, groups: Int,
    isTraining: Bool
  ) throws -> Workload {
    let shapes = [input, filters, TensorShape([filters[0]])]
    let body: ([Tensor]) -> Tensor = {
      conv2d(
        $0[0], $0[1], bias: $0[2], stride: Pair(stride), padding: Padding2d(padding), groups: groups
      )
    }
    do {
      _ = try dryRun { body(shapes.map { .shape($0) }) }
    } catch let misuse as Misuse {
      throw CommandError(misuse.reason)
    }
    return operation(
      "conv2d \(input) with filters \(filters), stride \(stride), padding \(padding)",
      shapes.map { .normal($0) }, isTraining, body)
  }

  private static func operation(
    _ name: String, _ operands: [Tensor], _ isTraining: Bool, _ body: @escaping ([Tensor]) -> Tensor
  ) -> Workload {
    guard isTraining else {
      return Workload(title: "\(name), forward", images: nil) {
        _ = withoutGradients { body(operands) }
      }
    }
    let tracked = operands.map { $0.tracked() }
    let cotangent = Tensor.normal(withoutGradients { body(operands) }.shape)
    return Workload(title: "\(name), forward and backward", images: nil) {
      _ = body(tracked).gradients(cotangent: cotangent)
    }
  }
}

/// One step of the usual training on random images and labels.
struct TrainingStep {
  let model: any Model
  let images: Tensor
  let labels: Tensor
  let optimizer: any Optimizer

  init(_ model: any Model, images: Tensor, classes: Int) {
    self.model = model
    self.images = images
    labels = Tensor(integers: (0..<images.shape[0]).map { $0 % classes })
    // Slow enough that random data do not drive the weights to infinity.
    optimizer = SGD(model, learningRate: 1e-4, momentum: 0.9)
  }

  func gradients() -> Gradients {
    training { softmaxCrossEntropy(model(images), labels: labels).gradients() }
  }

  func run() { optimizer.update(along: gradients()) }
}

private final class ArithmeticCounter: OperationObserver {
  private let sum = Mutex(0)
  var total: Int { sum.withLock { $0 } }
  var acceptsFusedOperations: Bool { true }
  func didApply(_ event: OperationEvent) {
    let arithmetic = 2 * event.cost.multiplyAccumulates
    sum.withLock { $0 += arithmetic }
  }
}

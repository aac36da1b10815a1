import TapestryGraph
import TapestryOptim
import Testing

/// Every optimizer, with as much state as it can have.
struct OptimizerKind: Sendable, CustomTestStringConvertible {
  let name: String
  let make: @Sendable ([Parameter]) -> any Optimizer
  var testDescription: String { name }

  /// Those that treat every parameter by itself.
  static let parameterwise: [OptimizerKind] = [
    OptimizerKind(name: "SGD") { SGD($0, learningRate: 0.1) },
    OptimizerKind(name: "SGD, Nesterov") {
      SGD($0, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01)
    },
    OptimizerKind(name: "Adam, AMSGrad") {
      Adam($0, learningRate: 0.05, weightDecay: 0.001, amsgrad: true)
    },
    OptimizerKind(name: "AdamW") { AdamW($0, learningRate: 0.05) },
    OptimizerKind(name: "Adagrad") { Adagrad($0, learningRate: 0.5, initialAccumulator: 0.5) },
    OptimizerKind(name: "RMSprop") { RMSprop($0, momentum: 0.5, centered: true) },
    OptimizerKind(name: "Adadelta") { Adadelta($0, learningRate: 20) },
    OptimizerKind(name: "Adamax") { Adamax($0, learningRate: 0.05) },
    OptimizerKind(name: "NAdam") { NAdam($0, learningRate: 0.05) },
    OptimizerKind(name: "RAdam") { RAdam($0, learningRate: 0.05, beta2: 0.9) },
    OptimizerKind(name: "LARS") { LARS($0, learningRate: 0.5, trust: 0.02) },
    OptimizerKind(name: "Rprop") { Rprop($0) },
    OptimizerKind(name: "Lion") { Lion($0, learningRate: 0.01, weightDecay: 0.01) },
    OptimizerKind(name: "Muon") { Muon($0, learningRate: 0.02, weightDecay: 0.01) },
    OptimizerKind(name: "Adafactor") { Adafactor($0, learningRate: 0.05) },
    OptimizerKind(name: "LAMB") { LAMB($0, learningRate: 0.02) },
  ]

  static let all =
    parameterwise + [OptimizerKind(name: "LBFGS") { LBFGS($0, learningRate: 0.1, historySize: 3) }]
}

/// Two parameters, `weight` and `bias`.
func makeParameters(_ dtype: DType = .float64, count: Int = 6) -> [Parameter] {
  let random = RandomSource(seed: 11)
  return [
    Parameter(
      Tensor(
        Tensor.normal([2, count / 2], dtype: .float64, source: random).scalars(),
        shape: [2, count / 2], dtype: dtype), name: "weight"),
    Parameter(
      Tensor(
        Tensor.normal([3], dtype: .float64, source: random).scalars(), shape: [3], dtype: dtype),
      name: "bias"),
  ]
}

/// The gradients that these parameters would get from a loss: each parameter is its own output, its gradient the
/// cotangent.
func makeGradients(_ parameters: [Parameter], _ values: [Tensor]) -> Gradients {
  gradients(of: parameters, withRespectTo: parameters, cotangents: values)
}

/// Gradients of a bowl around 0.3, with a little noise that depends on `step` alone.
func makeGradients(_ parameters: [Parameter], step: Int) -> Gradients {
  let random = RandomSource(seed: UInt64(step))
  return makeGradients(
    parameters,
    parameters.map { parameter in
      let noise = Tensor.normal(parameter.shape, dtype: .float64, source: random).scalars()
      let values = zip(parameter.value.scalars(), noise).map { 2 * ($0 - 0.3) + 0.01 * $1 }
      return Tensor(values, shape: parameter.shape, dtype: parameter.dtype)
    })
}

/// The bits of all parameters.
func bits(_ parameters: [Parameter]) -> [UInt64] {
  parameters.flatMap { $0.value.scalars().map(\.bitPattern) }
}

/// Every optimizer with weight decay.
struct DecayingOptimizer: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let make: @Sendable ([Parameter], _ weightDecay: Double, DecayedParameters) -> any Optimizer

  init(
    _ name: String,
    _ make: @escaping @Sendable ([Parameter], Double, DecayedParameters) -> any Optimizer
  ) {
    testDescription = name
    self.make = make
  }

  static let all: [DecayingOptimizer] = [
    DecayingOptimizer("SGD") { SGD($0, learningRate: 0.1, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Adam") { Adam($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("AdamW") { AdamW($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Adagrad") { Adagrad($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("RMSprop") { RMSprop($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Adadelta") { Adadelta($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Adamax") { Adamax($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("NAdam") { NAdam($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("RAdam") { RAdam($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Lion") { Lion($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Muon") { Muon($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("Adafactor") { Adafactor($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("LAMB") { LAMB($0, weightDecay: $1, decays: $2) },
    DecayingOptimizer("LARS") { LARS($0, learningRate: 1, weightDecay: $1, decays: $2) },
  ]
}

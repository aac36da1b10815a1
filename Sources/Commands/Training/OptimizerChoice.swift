import TapestryModels
import TapestryOptim

/// The optimizers by name.
enum OptimizerChoice: String, CaseIterable {
  case sgd, adam, adamw, nadam, radam, adamax, adagrad, adadelta, rmsprop, lars, lamb, lion, muon
  case adafactor, rprop, lbfgs

  /// Those that compare gradients from step to step, so that each must be that of all training images, unchanged.
  var needsWholeSet: Bool { self == .rprop || self == .lbfgs }

  /// The rate where none is given: chosen on LeNet-5 with MNIST and with several splits of the digits for the first
  /// three.
  var learningRate: Double {
    switch self {
    case .sgd: 0.05
    case .adam, .nadam, .radam, .rmsprop: 0.002
    case .adamw: 0.004
    case .adamax: 0.005
    case .adagrad: 0.02
    case .adadelta: 1
    case .lars: 5
    case .lamb: 0.02
    case .lion: 0.0005
    case .muon: 0.004
    case .adafactor: 0.02
    case .rprop: 0.0003
    case .lbfgs: 1
    }
  }

  /// Whether it has a weight decay of its own.
  var decays: Bool { !needsWholeSet }

  var weightDecay: Double {
    switch self {
    case .adamw, .muon: 0.1
    case .lion: 0.5
    case .lamb: 0.01
    case .sgd, .lars: 5e-4
    default: 0
    }
  }

  /// The weight of the past where none is given; `nil` for those that have no such number.
  var momentum: Double? {
    switch self {
    case .sgd, .lars: 0.9
    case .muon: 0.95
    case .rmsprop: 0
    default: nil
    }
  }

  /// Those whose momentum can be chosen.
  static var withMomentum: String {
    allCases.filter { $0.momentum != nil }.map(\.rawValue).joined(separator: ", ")
  }

  /// The optimizer over the parameters of `model`. Weight decay leaves biases and normalisation alone.
  func make(
    _ model: any Model, learningRate rate: Double, momentum: Double?, weightDecay: Double?
  ) -> any Optimizer {
    let decay = weightDecay ?? self.weightDecay
    let momentum = momentum ?? self.momentum ?? 0
    return switch self {
    case .sgd:
      SGD(
        model, learningRate: rate, momentum: momentum, weightDecay: decay, decays: .weights)
    case .adam: Adam(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .adamw: AdamW(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .nadam: NAdam(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .radam: RAdam(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .adamax: Adamax(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .adagrad: Adagrad(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .adadelta: Adadelta(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .rmsprop:
      RMSprop(
        model, learningRate: rate, momentum: momentum, weightDecay: decay, decays: .weights)
    case .lars:
      LARS(
        model, learningRate: rate, momentum: momentum, weightDecay: decay, decays: .weights)
    case .lamb: LAMB(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .lion: Lion(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .muon:
      Muon(
        model, learningRate: rate, momentum: momentum, adjustment: .matchRMSAdamW,
        weightDecay: decay, decays: .weights)
    case .adafactor:
      Adafactor(model, learningRate: rate, weightDecay: decay, decays: .weights)
    case .rprop: Rprop(model, learningRate: rate)
    case .lbfgs: LBFGS(model, learningRate: rate, historySize: 20)
    }
  }
}

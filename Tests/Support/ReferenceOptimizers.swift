import TapestryGraph
import TapestryOptim

// What the stored names and attributes are called here.

package func referenceOptimizer(
  _ op: String, _ a: ReferenceAttributes, _ parameters: [Parameter]
) -> (any Optimizer)? {
  let rate = a.has("learningRate") ? a.double("learningRate") : .nan
  switch op {
  case "sgd":
    return SGD(
      parameters, learningRate: rate, momentum: a.double("momentum"),
      dampening: a.double("dampening"), nesterov: a.bool("nesterov"),
      weightDecay: a.double("weightDecay"))
  case "adam":
    return Adam(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), weightDecay: a.double("weightDecay"),
      amsgrad: a.bool("amsgrad"))
  case "adamW":
    return AdamW(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), weightDecay: a.double("weightDecay"),
      amsgrad: a.bool("amsgrad"))
  case "adagrad":
    return Adagrad(
      parameters, learningRate: rate, learningRateDecay: a.double("learningRateDecay"),
      initialAccumulator: a.double("initialAccumulator"), epsilon: a.double("epsilon"),
      weightDecay: a.double("weightDecay"))
  case "rmsprop":
    return RMSprop(
      parameters, learningRate: rate, alpha: a.double("alpha"), epsilon: a.double("epsilon"),
      momentum: a.double("momentum"), centered: a.bool("centered"),
      weightDecay: a.double("weightDecay"))
  case "adadelta":
    return Adadelta(
      parameters, learningRate: rate, rho: a.double("rho"), epsilon: a.double("epsilon"),
      weightDecay: a.double("weightDecay"))
  case "adamax":
    return Adamax(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), weightDecay: a.double("weightDecay"))
  case "nadam":
    return NAdam(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), momentumDecay: a.double("momentumDecay"),
      weightDecay: a.double("weightDecay"))
  case "radam":
    return RAdam(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), weightDecay: a.double("weightDecay"))
  case "rprop":
    return Rprop(
      parameters, learningRate: rate, etaMinus: a.double("etaMinus"),
      etaPlus: a.double("etaPlus"), minimumStep: a.double("minimumStep"),
      maximumStep: a.double("maximumStep"))
  case "lars":
    return LARS(
      parameters, learningRate: rate, momentum: a.double("momentum"), trust: a.double("trust"),
      weightDecay: a.double("weightDecay"))
  case "lion":
    return Lion(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      weightDecay: a.double("weightDecay"))
  case "muon":
    let coefficients = a.doubles("coefficients")
    guard coefficients.count == 3, let adjustment = muonAdjustments[a.string("adjustment")] else {
      return nil
    }
    return Muon(
      parameters, learningRate: rate, momentum: a.double("momentum"), nesterov: a.bool("nesterov"),
      coefficients: (coefficients[0], coefficients[1], coefficients[2]),
      epsilon: a.double("epsilon"), newtonSchulzSteps: a.int("newtonSchulzSteps"),
      adjustment: adjustment, weightDecay: a.double("weightDecay"))
  case "adafactor":
    return Adafactor(
      parameters, learningRate: rate, beta2Decay: a.double("beta2Decay"),
      epsilon1: a.has("epsilon1") ? a.double("epsilon1") : nil, epsilon2: a.double("epsilon2"),
      clipThreshold: a.double("clipThreshold"), weightDecay: a.double("weightDecay"))
  case "lamb":
    let lower = a.has("lowerBound") ? a.double("lowerBound") : 0
    let upper = a.has("upperBound") ? a.double("upperBound") : .infinity
    return LAMB(
      parameters, learningRate: rate, beta1: a.double("beta1"), beta2: a.double("beta2"),
      epsilon: a.double("epsilon"), weightDecay: a.double("weightDecay"),
      biasCorrection: a.bool("biasCorrection"), bounds: lower...upper)
  case "lbfgs":
    return LBFGS(parameters, learningRate: rate, historySize: a.int("historySize"))
  default: return nil
  }
}

private let muonAdjustments: [String: Muon.Adjustment] = [
  "original": .original, "matchRMSAdamW": .matchRMSAdamW, "spectral": .spectral,
]

package func referenceSchedule(_ op: String, _ a: ReferenceAttributes) -> Schedule? {
  switch op {
  case "step":
    return .step(
      from: a.double("baseRate"), every: a.int("stepSize"), factor: a.double("gamma"))
  case "multiStep":
    return .multiStep(
      from: a.double("baseRate"), milestones: a.ints("milestones"), factor: a.double("gamma"))
  case "exponential":
    return .exponential(from: a.double("baseRate"), factor: a.double("gamma"))
  case "cosine":
    return .cosine(
      from: a.double("baseRate"), over: a.int("totalSteps"), to: a.double("minimumRate"))
  case "cosineWarmRestarts":
    return .cosineWarmRestarts(
      from: a.double("baseRate"), firstPeriod: a.int("firstPeriod"),
      periodFactor: a.int("periodFactor"), to: a.double("minimumRate"))
  case "linearWarmup":
    return .linearWarmup(
      to: a.double("baseRate"), over: a.int("warmupSteps"), startFactor: a.double("startFactor"))
  case "polynomial":
    return .polynomial(
      from: a.double("baseRate"), over: a.int("totalSteps"), power: a.double("power"))
  case "oneCycle":
    return .oneCycle(
      maximum: a.double("maximumRate"), over: a.int("totalSteps"),
      warmupFraction: a.double("warmupFraction"),
      annealing: a.string("annealing") == "cosine" ? .cosine : .linear,
      initialDivisor: a.double("initialDivisor"), finalDivisor: a.double("finalDivisor"),
      threePhase: a.bool("threePhase"))
  default: return nil
  }
}

package func referencePlateau(_ a: ReferenceAttributes) -> ReduceOnPlateau {
  let threshold = a.double("threshold")
  return ReduceOnPlateau(
    from: a.double("baseRate"), mode: a.string("mode") == "minimize" ? .minimize : .maximize,
    factor: a.double("factor"), patience: a.int("patience"),
    threshold: a.string("thresholdMode") == "relative"
      ? .relative(threshold) : .absolute(threshold),
    cooldown: a.int("cooldown"), minimumRate: a.double("minimumRate"),
    epsilon: a.double("epsilon"))
}

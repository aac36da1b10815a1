// The mean of the weights along the way is often better than the last weights: two averages of one run.

import Tapestry

warnIfBuiltForDebug()

let (training, test) = ImageSet.digits.split(heldOut: 0.4, stratified: true)
let batches = try BatchLoader(training, batchSize: 16, height: 32, width: 32, seed: 2)
let tests = try BatchLoader(test, batchSize: 256, height: 32, width: 32, shuffled: false)

let net = withRandomSource(RandomSource(seed: 5)) { LeNet5() }
// A large rate that stays: the weights wander about the best ones and never come to rest.
let optimizer = SGD(net, learningRate: 0.1, momentum: 0.9)
let exponential = ParameterAverage(net, decay: 0.99)
let equal = ParameterAverage.equal(net)

let epochs = 12
for epoch in 0..<epochs {
  for batch in batches.epoch(epoch) {
    let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
    optimizer.update(along: loss.gradients())
    exponential.update()
  }
  // Stochastic weight averaging: once an epoch, in the second half of the run.
  if epoch >= epochs / 2 { equal.update() }
}

func report(_ name: String, _ result: Evaluation) {
  print("\(name): \((result.accuracy * 1000).rounded() / 10) %")
}

report("the last weights", evaluate(net, on: tests))
report("exponential average", exponential.substituted { evaluate(net, on: tests) })
report("equal average of \(equal.step) epochs", equal.substituted { evaluate(net, on: tests) })

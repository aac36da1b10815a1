// A training loop written by hand, with what a real run needs: schedule, accumulation, clipping, averages, validation.

import Tapestry

warnIfBuiltForDebug()

let (training, heldOut) = ImageSet.digits.split(heldOut: 0.2, stratified: true)
let batches = try BatchLoader(training, batchSize: 16, height: 32, width: 32, seed: 1)
let validation = try BatchLoader(heldOut, batchSize: 256, height: 32, width: 32, shuffled: false)

let net = LeNet5()
// Weight decay pulls at filters and matrices, not at biases; the last layer takes larger steps.
let optimizer = SGD(net, learningRate: 0, momentum: 0.9, weightDecay: 5e-4, decays: .weights)
optimizer.adjust(where: { $0.name.hasPrefix("output.") }, learningRate: 2)
let average = ParameterAverage(net, decay: 0.95)

let epochs = 5
let accumulation = 4
let steps = batches.updateCount(accumulation: accumulation)
let schedule = Schedule.linearWarmup(to: 0.1, over: steps, startFactor: 0.1)
  .then(.cosine(from: 0.1, over: (epochs - 1) * steps), after: steps)

for epoch in 0..<epochs {
  var pending = Gradients()
  var count = 0
  for (index, batch) in batches.epoch(epoch).enumerated() {
    let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels, labelSmoothing: 0.05)
    // Four batches of 16 make one step of 64. Gradients are values: they add.
    pending += loss.gradients()
    count += 1
    guard count == accumulation || index == batches.batchCount - 1 else { continue }
    let (factor, norm) = pending.clippingFactor(toNorm: 2 * Double(count))
    guard norm.isFinite else { fatalError("the gradients are not finite in epoch \(epoch + 1)") }
    optimizer.learningRate = schedule(optimizer.step)
    optimizer.update(along: pending, scale: factor / Double(count))
    average.update()
    (pending, count) = (Gradients(), 0)
  }
  let accuracy = average.substituted { evaluate(net, on: validation) }.accuracy
  let percent = (accuracy * 100).rounded()
  print("epoch \(epoch + 1): \(optimizer.step) steps, accuracy \(percent) %")
}

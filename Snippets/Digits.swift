// A ConvNet that learns to read handwritten digits, with a training loop written by hand.

import Tapestry

warnIfBuiltForDebug()

struct Net: Model {
  let features = Conv2d(1, 16, kernel: 3, padding: 1)
  let hidden = Linear(16 * 4 * 4, 64)
  let output = Linear(64, 10)

  func callAsFunction(_ images: Tensor) -> Tensor {
    let maps = maxPool2d(relu(features(images)), window: 2)  // [N, 16, 4, 4]
    return output(relu(hidden(maps.flattened(from: 1))))
  }
}

let (training, heldOut) = ImageSet.digits.split(heldOut: 0.2)
let batches = try BatchLoader(training, batchSize: 32)
let net = Net().named()
let optimizer = Adam(net, learningRate: 0.003)
print("\(training)\n\(net.parameterCount) parameters")

for epoch in 0..<10 {
  var total = 0.0
  for batch in batches.epoch(epoch) {
    let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
    optimizer.update(along: loss.gradients())
    total += loss.item
  }
  print("epoch \(epoch + 1): loss \((total / Double(batches.batchCount) * 1000).rounded() / 1000)")
}

let test = try heldOut.batch(of: heldOut.indices)
let answers = inference { net(test.images).argmax(along: 1) }.integers()
let correct = zip(answers, heldOut.labels).filter { $0 == $1 }.count
print("\(correct) of \(heldOut.count) held-out digits are read correctly")

print("\n\(heldOut[0].text)\nis a \(heldOut.classNames[answers[0]])")

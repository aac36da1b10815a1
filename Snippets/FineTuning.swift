// Weights of one task are a better start for another than random ones: fine-tuning with a new head.
// On the embedded digits, or on the IDX files of two folders: FineTuning MNIST FASHION-MNIST

import Foundation
import Tapestry

warnIfBuiltForDebug()

func train(_ net: LeNet5, on set: ImageSet, steps: Int, batchSize: Int) throws {
  let loader = try BatchLoader(
    set, batchSize: batchSize, height: 32, width: 32, normalization: Normalization(of: set))
  let optimizer = Adam(net, learningRate: 0.002)
  for epoch in 0... {
    for batch in loader.epoch(epoch) {
      if optimizer.step == steps { return }
      let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
      optimizer.update(along: loss.gradients())
    }
  }
}

func accuracy(_ net: LeNet5, on test: ImageSet, like set: ImageSet) throws -> Double {
  let loader = try BatchLoader(
    test, batchSize: 500, height: 32, width: 32, normalization: Normalization(of: set))
  let correct = loader.epoch(0).map { batch in
    correctCount(inference { net(batch.images) }, labels: batch.labels)
  }
  return Double(correct.reduce(0, +)) / Double(test.count)
}

let folders = CommandLine.arguments.dropFirst()
let isSmall = folders.count != 2
// The first task: the digits 0 to 4, or all of MNIST. The second: few images of 5 to 9, or of Fashion-MNIST.
var (first, pool, test) = (ImageSet.digits, ImageSet.digits, ImageSet.digits)
if isSmall {
  (pool, test) = first.subset(first.indices.filter { first.labels[$0] >= 5 }).split(heldOut: 0.5)
  first = first.subset(first.indices.filter { first.labels[$0] < 5 })
} else {
  first = try ImageSet.load(directory: folders[1]).training
  (pool, test) = try ImageSet.load(directory: folders[2])
}
let few = pool.subset(Array(pool.indices.prefix(isSmall ? 50 : 1000)))
// What is not loaded stays as it was initialised.
let newHead: [NamePattern] = isSmall ? ["f6", "output"] : ["output"]
let teacher = LeNet5()
let file = FileManager.default.temporaryDirectory.path + "/fine-tuning-\(UUID()).safetensors"
try train(teacher, on: first, steps: isSmall ? 100 : 2000, batchSize: isSmall ? 32 : 64)
try teacher.save(to: file)

for steps in isSmall ? [5, 10] : [25, 50, 100, 200] {
  let (fineTuned, scratch) = (LeNet5(), LeNet5())
  try fineTuned.load(from: file, except: newHead)
  let results = try [fineTuned, scratch].map { net in
    try train(net, on: few, steps: steps, batchSize: 25)
    return try accuracy(net, on: test, like: few)
  }
  print("\(steps) steps: fine-tuned \(results[0]), from scratch \(results[1])")
}
try FileManager.default.removeItem(atPath: file)

// Training loops of ten lines: the shortest, and one that goes on where another process was stopped.

import Foundation
import Tapestry

warnIfBuiltForDebug()

let (training, heldOut) = ImageSet.digits.split(heldOut: 0.2)
let validation = try BatchLoader(heldOut, batchSize: 256, height: 32, width: 32, shuffled: false)

let net = LeNet5()
let optimizer = AdamW(net, learningRate: 0.004)
let loader = try BatchLoader(training, batchSize: 64, height: 32, width: 32)
for epoch in 0..<4 {
  for batch in loader.epoch(epoch) {
    let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
    optimizer.update(along: loss.gradients())
  }
  print("epoch \(epoch): \((evaluate(net, on: validation).accuracy * 100).rounded()) %")
}

let folder = FileManager.default.temporaryDirectory.path + "/tapestry-\(UUID())"
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: folder) }
let path = "\(folder)/run.safetensors"

func train(_ net: LeNet5, epochs: Int, resuming: Bool) throws {
  let optimizer = AdamW(net, learningRate: 0.004)
  var run = TrainingState(net, optimizer: optimizer)
  if resuming { try run.load(from: path) }
  while run.position.epoch < epochs {
    for batch in loader.epoch(run.position.epoch, from: run.position.batch) {
      let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
      optimizer.update(along: loss.gradients())
      run.position.batch += 1
      if optimizer.step % 10 == 0 { try run.save(to: path) }
    }
    run.position.beginNextEpoch()
  }
}

let (first, second) = (LeNet5(), LeNet5())
try train(first, epochs: 2, resuming: false)
// The newest state is of step 40, a few steps before the end.
try train(second, epochs: 2, resuming: true)
print(
  "the same bits: \(zip(first.parameters, second.parameters).allSatisfy { $0.value.scalars() == $1.value.scalars() })"
)

let page = try ExplainPage(
  of: net, named: "LeNet-5", classNames: heldOut.classNames, input: [1, 32, 32],
  normalization: Normalization(of: training), samples: heldOut, sampleCount: 10)
try page.write(to: "\(folder)/page.html")
print("a page to look at: \(FileManager.default.fileExists(atPath: "\(folder)/page.html"))")

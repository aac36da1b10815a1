// A net written as an ONNX file, read back from it, and trained on. Other programs read the same file: ONNX
// Runtime, Netron, phones.

import Tapestry

warnIfBuiltForDebug()

let net = withRandomSource(RandomSource(seed: 1)) { DigitNet() }
try net.exportONNX(to: "/tmp/tapestry-digitnet.onnx", input: [1, 32, 32])

// The file stands for itself: no type of this program is needed to compute it.
let read = try ONNXModel(contentsOf: "/tmp/tapestry-digitnet.onnx")
print("inputs", read.inputs.map(\.name), "outputs", read.outputs, "operators", read.operatorSet)
for (name, parameter) in read.namedParameters.prefix(4) { print(name, parameter.shape) }

let batch = try ImageSet.digits.batch(of: [0, 1, 2, 3])
let images = batch.images.padded([(0, 0), (0, 0), (12, 12), (12, 12)])
let results = try read.outputs(for: ["input": images])
let difference = abs(results["output"]! - inference { net(images) }).max().item
print("same logits:", difference < 1e-5)

// Any model: gradients, optimizers, state files.
let optimizer = Adam(read, learningRate: 0.01)
let before = softmaxCrossEntropy(read(images), labels: batch.labels).item
for _ in 0..<40 {
  optimizer.update(along: softmaxCrossEntropy(read(images), labels: batch.labels).gradients())
}
let after = softmaxCrossEntropy(read(images), labels: batch.labels).item
print("trained on:", after < before / 2)

// What a net cannot do is an error with the node's name, never a crash.
do {
  _ = try read.outputs(for: ["input": .zeros([1, 3, 32, 32])])
} catch {
  print(error)
}

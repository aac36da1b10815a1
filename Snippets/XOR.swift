// The exclusive or, which no single layer can tell apart, learnt by a net with a hidden layer.

import Foundation
import Tapestry

warnIfBuiltForDebug()

let inputs = Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
let targets = Tensor([[0], [1], [1], [0]])

let net = Sequential(Linear(2, 8), Tanh(), Linear(8, 1)).named()
let optimizer = Adam(net, learningRate: 0.05)
let names = net.namedParameters.map(\.name).joined(separator: ", ")
print("\(net.parameterCount) parameters: \(names)\n")

for step in 0...200 {
  let loss = binaryCrossEntropyWithLogits(net(inputs), targets)
  if step % 50 == 0 { print(String(format: "step %3d  loss %.3f", step, loss.item)) }
  optimizer.update(along: loss.gradients())
}

let answers = inference { sigmoid(net(inputs)) }
print("\n a  b  a xor b")
for (pair, answer) in zip([(0, 0), (0, 1), (1, 0), (1, 1)], answers.scalars()) {
  print(String(format: " %d  %d  %7.2f", pair.0, pair.1, answer))
}

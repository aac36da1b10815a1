// What a net looks at: its graph as a picture, the maps that its layers make of a digit, and the pixels that an answer
// depends on. The commands of docs/seeing.md do the same for trained weights.

import Tapestry

warnIfBuiltForDebug()

let net = withRandomSource(RandomSource(seed: 1)) { DigitNet() }
let loader = try BatchLoader(
  .digits, positions: [3], batchSize: 1, height: 32, width: 32, shuffled: false)
let digit = loader.epoch(0)[0].images

// The graph: normalisations and activations share the box of the op before them.
let drawing = GraphDrawing(of: try net.trace(for: digit.shape), title: "DigitNet")
for box in drawing.boxes { print("\(box.lines.joined(separator: ", ")): \(box.shape)") }
// drawing.svg().write(to: "digitnet.svg") makes a file of it, drawing.dot() is for Graphviz.

// Every op's result, before and after ReLU and pooling, and a picture of them all.
let outputs = net.layerOutputs(of: digit)
let maps = mapSheet(outputs, image: digit, title: "DigitNet looking at a three").figure()
print("\n\(outputs.count) results, drawn as a picture of \(maps.width > 300 ? "many" : "no") maps")

// Which pixels speak for the answer? Integrated gradients add up to what the image changes in the logit.
let blank = Tensor.zeros(digit.shape)
let answer = inference { net(digit) }.argmax(along: 1).integers()[0]
let map = saliency(
  of: net, image: digit, target: answer, method: .integratedGradients(steps: 200), baseline: blank)
let change = inference { net(digit) - net(blank) }.scalars()[answer]
print("the map adds up to the logit's change:", abs(map.sum().item - change) < 0.01 * abs(change))

// The part of the digit that the strongest unit of a channel sees.
let patch = try strongestPatches(
  of: NetUnit(layer: "pool2", channel: 0), in: net, on: loader, count: 1)[0]
print("channel 0 of pool2 is strongest for \(patch.rows.count) x \(patch.columns.count) pixels")

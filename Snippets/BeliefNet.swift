// A convolutional deep belief net learns strokes from digits, without labels.

import Tapestry

warnIfBuiltForDebug()

let digits = ImageSet.digits.resized(height: 16, width: 16)
let loader = try BatchLoader(
  digits, positions: Array(0..<600), batchSize: 16, height: 22, width: 22)
let net = DeepBeliefNet([
  ConvolutionalRBM(1, 12, kernel: 7, hiddenBias: -4, deviation: 0.05),
  ConvolutionalRBM(12, 16, kernel: 5, hiddenBias: -4, deviation: 0.05),
])

for layer in net.layers.indices {
  let training = GreedyTraining(net, learningRate: 0.2, sparsity: 0.02)
  var errors: [Double] = []
  training.train(layer: layer, on: loader, epochs: 3) {
    if $0.isEndOfEpoch { errors.append($0.reconstructionError) }
  }
  print("layer \(layer + 1): the error falls:", errors[2] < errors[0])
}

// What the units of a layer look for, as pictures: above the first, sums of the filters below.
print("pictures of layer 1:", net.pictures(ofLayer: 0).shape)
print("pictures of layer 2:", net.pictures(ofLayer: 1).shape)

// Of every block of hidden units at most one is on.
let batch = loader.epoch(0)[0].images
let hidden = net.layers[0].sampleHidden(of: batch)
print("most units that are on in a block:", sumPool2d(hidden, window: 2).max().item)

let sheet = beliefSheet(net, layer: 0, title: "strokes")
print("a picture of \(sheet.sections[0].items.count) filters for write(to:)")

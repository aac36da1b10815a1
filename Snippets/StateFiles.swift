// Weights that travel: other names, a new head, features of a layer, frozen parameters.

import Foundation
import Tapestry

warnIfBuiltForDebug()

struct Net: Model {
  let features = Sequential(
    Conv2d(1, 8, kernel: 3, padding: 1), ReLU(), MaxPool2d(2), Conv2d(8, 16, kernel: 3), ReLU())
  let classifier: Linear

  init(classes: Int) {
    classifier = Linear(64, classes)
    named()
  }

  func callAsFunction(_ images: Tensor) -> Tensor {
    classifier(features(images).flattened(from: 1))
  }
}

let folder = FileManager.default.temporaryDirectory.path
let path = "\(folder)/state-files-\(UUID()).safetensors"
let trained = Net(classes: 10)
try trained.save(to: path, metadata: ["model": "small net"])

// Every name must fit, else nothing is loaded and the error lists what differs.
let copy = Net(classes: 10)
try copy.load(from: path)
do {
  try Net(classes: 4).load(from: path)
} catch let mismatch as StateMismatch {
  print(mismatch.problems.joined(separator: "\n"))
}

// Another number of classes: the head keeps its first values, all else must fit.
let net = Net(classes: 4)
let report = try net.load(from: path, except: ["classifier"])
print("\nloaded \(report.loaded)\nleft out \(report.names(.excluded))")

// Other names: a table of patterns. What the stars take is put back.
struct Backbone: Model {
  let stem = Sequential(Conv2d(1, 8, kernel: 3, padding: 1))
  func callAsFunction(_ images: Tensor) -> Tensor { stem(images) }
}
let partial = try Backbone().load(
  from: path, renaming: .table(["features.0.*": "stem.0.*"]), allowing: [.unknown])
print("\nloaded \(partial.loaded), not used \(partial.names(.unknown))")

// The frozen part gets no gradient, and an optimizer leaves it as it is.
try net.freeze("features")
let images = try ImageSet.digits.batch(of: 0..<4).images
let gradients = net(images).sum().gradients()
print("\n\(net.frozenParameterCount) of \(net.parameterCount) frozen; \(gradients.count) gradients")
let maps = try inference { try net.features(of: images, at: "features.2") }
print("features.2 is \(maps.shape)\n\n\(try net.summary(for: [1, 1, 8, 8]))")
try FileManager.default.removeItem(atPath: path)

// A ConvNet for images of your own: files in a folder for each class, changed anew in every epoch.

import Foundation
import Tapestry

warnIfBuiltForDebug()

/// A picture to begin with; with photos in folders of their own, all up to `load` falls away.
func drawing(_ kind: String, _ number: Int) -> Planes {
  var random = SampleRandom(seed: 1, epoch: 0, index: number)
  var picture = Planes(channels: 3, height: 24, width: 24)
  let (x, y) = (random.uniform(9, 14), random.uniform(9, 14))
  let radius = random.uniform(5, 8)
  let color = (0..<3).map { _ in Float(random.uniform(0.4, 1)) }
  for row in 0..<24 {
    for column in 0..<24 {
      let (dx, dy) = (abs(Double(column) - x), abs(Double(row) - y))
      let isInside =
        switch kind {
        case "circle": dx * dx + dy * dy < radius * radius
        case "cross": min(dx, dy) < 2 && max(dx, dy) < radius
        default: max(dx, dy) < radius * 0.9
        }
      for channel in 0..<3 where isInside { picture[channel, row, column] = color[channel] }
    }
  }
  return picture
}

let temporary = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
let folder = temporary.appendingPathComponent("shapes").path
for kind in ["circle", "cross", "square"] {
  let path = "\(folder)/\(kind)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  for number in 0..<40 { try drawing(kind, number).raster.write(to: "\(path)/\(number).png") }
}

let (training, test) = try ImageSet.load(from: folder)
try FileManager.default.removeItem(at: temporary)
print("\(training)\nclasses: \(training.classNames.joined(separator: ", "))")

let augmentation: Augmentation = [.crop(padding: 3), .flip(), .jitter(brightness: 0.3)]
let normalization = Normalization(of: training)
let batches = try BatchLoader(
  training, batchSize: 16, normalization: normalization, augmentation: augmentation)
let net = Sequential(
  Conv2d(3, 8, kernel: 5), ReLU(), MaxPool2d(2), Conv2d(8, 16, kernel: 3), ReLU(), MaxPool2d(2),
  Flatten(), Linear(16 * 4 * 4, 3))
let optimizer = Adam(net, learningRate: 0.003)
for epoch in 0..<30 {
  for batch in batches.epoch(epoch) {
    let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
    optimizer.update(along: loss.gradients())
  }
}
let unseen = try test.batch(of: test.indices, normalization: normalization)
let answers = inference { net(unseen.images).argmax(along: 1) }.integers()
let correct = zip(answers, test.labels).filter { $0 == $1 }.count
print("\(correct) of \(test.count) images that it has not seen are recognised")

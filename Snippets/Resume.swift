// A run that is stopped half way goes on to the same bits; the best weights are kept.

import Foundation
import Tapestry

warnIfBuiltForDebug()

let folder = FileManager.default.temporaryDirectory.path + "/tapestry-\(UUID())"
defer { try? FileManager.default.removeItem(atPath: folder) }

let (training, heldOut) = ImageSet.digits.split(heldOut: 0.2, stratified: true)
let loader = try BatchLoader(training, batchSize: 64, height: 32, width: 32, seed: 1)

/// Trains a net that begins the same each time, and leaves checkpoints in a folder of that name.
func train(_ name: String, epochs: Int, stopAfter limit: Int = .max) throws -> DigitNet {
  try withRandomSource(RandomSource(seed: 7)) {
    let net = DigitNet()
    var trainer = Trainer(net, optimizer: Adam(net), schedule: .cosine(from: 0.003, over: 92))
    trainer.validation = try BatchLoader(heldOut, batchSize: 256, height: 32, width: 32)
    trainer.keepsBest = true
    trainer.checkpoints = CheckpointFolder("\(folder)/\(name)", everySteps: 10)
    let stop = StopRequest()
    trainer.stopRequest = stop
    trainer.observers = [
      TrainingCallbacks(onStep: { if $0.updates == limit { stop.request() } })
    ]
    let summary = try trainer.run(on: loader, epochs: epochs, resuming: true)
    let (epoch, steps) = (summary.epochs.count, summary.steps)
    print("\(name): \(summary.ending) in epoch \(epoch) after \(steps) steps of this process")
    return net
  }
}

func bits(_ net: DigitNet) -> [UInt64] {
  net.parameters.flatMap { $0.value.scalars().map(\.bitPattern) }
}

let whole = try train("whole", epochs: 4)
_ = try train("parts", epochs: 4, stopAfter: 31)
let parts = try train("parts", epochs: 4)
print("the same bits: \(bits(whole) == bits(parts))")
print(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/parts").sorted())

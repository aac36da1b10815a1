import Tapestry
import TapestryFiles
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A tiny net for 4 x 4 images of two classes.
struct Small: Model {
  let hidden = Linear(16, 8)
  let output = Linear(8, 2)
  func callAsFunction(_ input: Tensor) -> Tensor {
    output(tanh(hidden(input.flattened(from: 1))))
  }
}

/// Images that are bright above (class 0) or below (class 1).
func images(_ count: Int) -> ImageSet {
  var pixels: [UInt8] = []
  for image in 0..<count {
    for pixel in 0..<16 {
      let isBright = (pixel < 8) == (image % 2 == 0)
      pixels.append(UInt8(isBright ? 150 + (image * 7 + pixel) % 100 : image % 50))
    }
  }
  return ImageSet(
    name: "halves", height: 4, width: 4, classNames: ["above", "below"],
    labels: (0..<count).map { $0 % 2 }, pixels: pixels)
}

final class Recorder: TrainingObserver {
  var steps: [TrainingProgress] = []
  var history: [EpochRecord] = []
  var onStep: (TrainingProgress) -> Void = { _ in }
  func trainingDidStep(_ progress: TrainingProgress) {
    steps.append(progress)
    onStep(progress)
  }
  func trainingDidEndEpoch(_ history: [EpochRecord]) { self.history = history }
}

/// A net with all that a checkpoint has to keep: dropout draws random numbers, normalisation has buffers.
struct Noisy: Model {
  let hidden = Linear(16, 8)
  let mean = Buffer(Tensor.zeros([8]), name: "mean")
  let output = Linear(8, 2)

  func callAsFunction(_ input: Tensor) -> Tensor {
    let features = tanh(hidden(input.flattened(from: 1)))
    mean.value = mean.value * 0.9 + features.detached().mean(along: 0) * 0.1
    return output(dropout(features - mean.value, probability: 0.25))
  }
}

func noisy(seed: UInt64 = 1) -> Noisy { withRandomSource(RandomSource(seed: seed)) { Noisy() } }

/// The bits of everything that a model holds.
func modelBits(_ model: any Model) -> [UInt64] {
  model.state.flatMap { $0.value.scalars().map(\.bitPattern) }
}

import TapestryGraph
import TapestryOps

/// A convolutional restricted Boltzmann machine with probabilistic max pooling: a layer that learns filters from
/// images without labels.
///
/// Visible units v `[N, C, H, W]` and groups of binary hidden units h `[N, K, H', W']` (H' = H - F + 1) share K filters
/// of F x F. The hidden units of a block of P x P compete: at most one of them is on, and the pooled unit of the block
/// is on if one is. With the input to a hidden unit I = (W ∗ v + b) / σ², a cross-correlation, and the energy
///
///     E(v, h) = (Σ v² / 2 - c Σ v) / σ² - Σ h I      v real, normally distributed with deviation σ
///     E(v, h) = -c Σ v - Σ h I                       v binary, σ = 1
///
/// the units given the others are
///
///     P(h = 1 | v) = e^I / (1 + Σ e^I over the block)
///     P(block off | v) = 1 / (1 + Σ e^I over the block)
///     v | h has the mean W^T ∗ h + c, or the sigmoid of it where v is binary.
///
/// Parameters: `weight` `[K, C, F, F]`, `hiddenBias` b `[K]`, `visibleBias` c `[C]`. The call gives the pooled units'
/// probabilities `[N, K, H' / P, W' / P]`: what the next layer sees.
///
/// H. Lee, R. Grosse, R. Ranganath, A. Ng, "Convolutional deep belief networks for scalable unsupervised learning of
/// hierarchical representations", ICML 2009, sections 3.2 to 3.5.
public struct ConvolutionalRBM: Layer {
  /// What the visible units are.
  public enum Visible: Sendable, Equatable {
    /// Off or on; images have pixels in 0 ... 1, taken as probabilities.
    case binary
    /// Real, with this deviation around their mean given the hidden units.
    case gaussian(deviation: Double)
  }

  public let weight: Parameter
  public let hiddenBias: Parameter
  public let visibleBias: Parameter
  public let visible: Visible
  /// P: side of a pooling block.
  public let pooling: Int
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - channels: C, of the visible units.
  ///   - groups: K, the number of filters.
  ///   - kernel: F, height and width of the filters.
  ///   - pooling: P. Default 2.
  ///   - visible: what the visible units are. Default binary.
  ///   - hiddenBias: first value of b; negative ones keep units rare. Default -0.1.
  ///   - deviation: of the first weights, which are normally distributed; more of it makes the groups differ sooner.
  ///     Default 0.01.
  public init(
    _ channels: Int, _ groups: Int, kernel: Int, pooling: Int = 2, visible: Visible = .binary,
    hiddenBias: Double = -0.1, deviation: Double = 0.01, dtype: DType = .float32,
    file: StaticString = #fileID,
    line: UInt = #line
  ) {
    guard channels > 0, groups > 0, kernel > 0, pooling > 0 else {
      trap(
        "ConvolutionalRBM: channels, groups, kernel and pooling must be at least 1, not \(channels),"
          + " \(groups), \(kernel), \(pooling)", file: file, line: line)
    }
    if case .gaussian(let deviation) = visible, !(deviation > 0) {
      trap(
        "ConvolutionalRBM: deviation \(deviation) must be greater than 0", file: file, line: line)
    }
    weight = Parameter(
      Initializer.normal(deviation: deviation)([groups, channels, kernel, kernel], dtype: dtype),
      file: file, line: line)
    self.hiddenBias = Parameter(
      Initializer.constant(hiddenBias)([groups], dtype: dtype), file: file, line: line)
    visibleBias = Parameter(Initializer.zeros([channels], dtype: dtype), file: file, line: line)
    self.visible = visible
    self.pooling = pooling
    origin = LayerOrigin(file: file, line: line)
  }

  private var variance: Double {
    if case .gaussian(let deviation) = visible { deviation * deviation } else { 1 }
  }

  // MARK: - Units given others

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let blocks = Blocks(excitation(of: input, file: file, line: line), side: pooling)
    return blocks.sum / (blocks.sum + blocks.off)
  }

  /// P(h = 1 | v) `[N, K, H', W']`.
  ///
  /// - Precondition: `v` is `[N, C, H, W]`, and the pooling divides H' and W'.
  public func hiddenProbabilities(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    Blocks(excitation(of: v, file: file, line: line), side: pooling).probabilities
  }

  /// Hidden units drawn at random given `v`: in each block one is 1 or none. No gradient flows through.
  public func sampleHidden(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    withoutGradients { drawn(from: excitation(of: v, file: file, line: line)) }
  }

  /// The mean of the visible units given hidden ones `[N, K, H', W']`.
  public func visibleMean(
    of hidden: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let mean = convTranspose2d(hidden, weight, bias: visibleBias, file: file, line: line)
    return visible == .binary ? sigmoid(mean) : mean
  }

  /// Visible units drawn at random given hidden ones. No gradient flows through.
  public func sampleVisible(
    of hidden: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    withoutGradients {
      let mean = visibleMean(of: hidden, file: file, line: line)
      switch visible {
      case .binary:
        return (Tensor.uniform(mean.shape, dtype: mean.dtype) .< mean).converted(to: mean.dtype)
      case .gaussian(let deviation):
        return mean + Tensor.normal(mean.shape, deviation: deviation, dtype: mean.dtype)
      }
    }
  }

  // MARK: - Learning

  /// The free energy of each image, `[N]`: F(v) = -log Σ_h e^(-E(v, h)), so that P(v) is proportional to e^(-F(v)).
  ///
  ///     F(v) = E's terms of v alone - Σ over blocks of log(1 + Σ e^I)
  public func freeEnergy(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let blocks = Blocks(excitation(of: v, file: file, line: line), side: pooling)
    let hiddenTerm = (blocks.largest + log(blocks.sum + blocks.off)).sum(along: 1, 2, 3)
    let linear = (v.sum(along: 2, 3) * visibleBias).sum(along: 1)
    guard visible != .binary else { return -linear - hiddenTerm }
    return ((v * v).sum(along: 1, 2, 3) * 0.5 - linear) * (1 / variance) - hiddenTerm
  }

  /// A scalar whose gradient is that of contrastive divergence: σ² times the mean free energy of the images less that of
  /// what the machine makes of them in `steps` rounds of Gibbs sampling, per hidden position.
  ///
  /// Its value says little; watch `reconstructionError(of:)`. G. Hinton, "Training products of experts by minimizing
  /// contrastive divergence", 2002.
  ///
  /// - Parameters:
  ///   - steps: rounds of sampling. Default 1.
  ///   - sparsity: ρ, how often a hidden unit should be on.
  ///   - sparsityWeight: λ. The gradient of each hidden bias gets the term λ (a - ρ), a the mean probability of the
  ///     group's units given the images (Lee et al., section 3.3, whose gradient of (a - ρ)² all but vanishes for rare
  ///     units, is left without its factor a (1 - a)). Default 0.
  public func contrastiveDivergence(
    of v: Tensor, steps: Int = 1, sparsity: Double = 0.01, sparsityWeight: Double = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let (dream, activity) = withoutGradients {
      let drive = excitation(of: v, file: file, line: line)
      var hidden = drawn(from: drive)
      for _ in 1..<max(steps, 1) {
        hidden = sampleHidden(of: sampleVisible(of: hidden, file: file, line: line))
      }
      // The last picture is a mean, not a draw: less noise in the gradient (Hinton 2012, section 3.2).
      let picture = visibleMean(of: hidden, file: file, line: line)
      guard sparsityWeight > 0 else { return (picture, Tensor.zeros([weight.shape[0]])) }
      return (picture, Blocks(drive, side: pooling).probabilities.mean(along: 0, 2, 3))
    }
    let kernel = weight.shape[2]
    let positions = Double((v.shape[2] - kernel + 1) * (v.shape[3] - kernel + 1))
    let energy = freeEnergy(of: v, file: file, line: line).mean()
    let dreamEnergy = freeEnergy(of: dream, file: file, line: line).mean()
    let divergence = (energy - dreamEnergy) * (variance / positions)
    guard sparsityWeight > 0 else { return divergence }
    return divergence + (hiddenBias * (activity - sparsity)).sum() * sparsityWeight
  }

  /// The mean squared difference between images and their means given the hidden probabilities.
  public func reconstructionError(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Double {
    withoutGradients {
      let hidden = hiddenProbabilities(of: v, file: file, line: line)
      let difference = visibleMean(of: hidden, file: file, line: line) - v
      return (difference * difference).mean().item
    }
  }

  // MARK: - Blocks

  /// I `[N, K, H', W']`.
  private func excitation(of v: Tensor, file: StaticString, line: UInt) -> Tensor {
    let sum = conv2d(v, weight, bias: hiddenBias, file: file, line: line)
    let (height, width) = (sum.shape[2], sum.shape[3])
    guard height % pooling == 0, width % pooling == 0 else {
      trap(
        "ConvolutionalRBM: the pooling of \(pooling)x\(pooling) must divide the hidden layer's"
          + " \(height)x\(width); choose another kernel, pooling or image size", file: origin.file,
        line: origin.line)
    }
    return variance == 1 ? sum : sum * (1 / variance)
  }

  /// Hidden units drawn given their excitation: the largest of scores with Gumbel noise is drawn with the softmax's
  /// probabilities.
  private func drawn(from excitation: Tensor) -> Tensor {
    func noise(_ shape: TensorShape) -> Tensor {
      -log(-log(Tensor.uniform(shape, from: 1e-12, dtype: excitation.dtype)))
    }
    let noisy = excitation + noise(excitation.shape)
    let best = maxPool2d(noisy, window: Pair(pooling))
    let threshold = maximum(best, noise(best.shape))
    return (noisy .>= repeated(threshold, pooling)).converted(to: noisy.dtype)
  }
}

/// The hidden units of blocks with their powers e^I, all divided by e^m so that none is infinite, m the largest of a block
/// and of 0, the excitation of no unit being on.
private struct Blocks {
  /// m `[N, K, H' / P, W' / P]`, without a gradient: it cancels.
  let largest: Tensor
  /// e^(I - m) `[N, K, H', W']`.
  let powers: Tensor
  /// The sum of a block's powers.
  let sum: Tensor
  /// e^-m: of no unit being on.
  let off: Tensor
  private let side: Int

  init(_ excitation: Tensor, side: Int) {
    largest = withoutGradients { relu(maxPool2d(excitation, window: Pair(side))) }
    powers = exp(excitation - repeated(largest, side))
    sum = sumPool2d(powers, window: Pair(side))
    off = exp(-largest)
    self.side = side
  }

  var probabilities: Tensor { powers / repeated(sum + off, side) }
}

/// `[N, K, h, w]` with each element repeated to a block of `side` x `side`.
private func repeated(_ x: Tensor, _ side: Int) -> Tensor {
  guard side > 1 else { return x }
  let shape = Array(x.shape)
  return x.reshaped(to: [shape[0], shape[1], shape[2], 1, shape[3], 1])
    .broadcast(to: [shape[0], shape[1], shape[2], side, shape[3], side])
    .reshaped(to: [shape[0], shape[1], shape[2] * side, shape[3] * side])
}

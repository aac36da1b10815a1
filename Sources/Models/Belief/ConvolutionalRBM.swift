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
  public init(
    _ channels: Int, _ groups: Int, kernel: Int, pooling: Int = 2, visible: Visible = .binary,
    hiddenBias: Double = -0.1, dtype: DType = .float32, file: StaticString = #fileID,
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
      Initializer.normal(deviation: 0.01)([groups, channels, kernel, kernel], dtype: dtype),
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
    let blocks = blocks(of: excitation(of: input, file: file, line: line))
    // 1 - P(off) = sigmoid(log Σ e^I): exact also where P(off) rounds to 1.
    return sigmoid(blocks.logSumExp(along: 4))
  }

  /// P(h = 1 | v) `[N, K, H', W']`.
  ///
  /// - Precondition: `v` is `[N, C, H, W]`, and the pooling divides H' and W'.
  public func hiddenProbabilities(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let excitation = excitation(of: v, file: file, line: line)
    let shares = softmax(withOffUnit(blocks(of: excitation)), axis: 4)
    return spread(shares, like: excitation.shape)
  }

  /// Hidden units drawn at random given `v`: in each block one is 1 or none. No gradient flows through.
  public func sampleHidden(
    of v: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    withoutGradients {
      let excitation = excitation(of: v, file: file, line: line)
      let scores = withOffUnit(blocks(of: excitation))
      // The largest of scores with Gumbel noise is drawn with the softmax's probabilities.
      let noise = -log(-log(Tensor.uniform(scores.shape, from: 1e-12, dtype: scores.dtype)))
      let noisy = scores + noise
      let winners = (noisy .>= noisy.max(along: 4, keepingDimensions: true))
        .converted(to: scores.dtype)
      return spread(winners, like: excitation.shape)
    }
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
    let blocks = withOffUnit(blocks(of: excitation(of: v, file: file, line: line)))
    let hiddenTerm = blocks.logSumExp(along: 4).sum(along: 1, 2, 3)
    let linear = (v.sum(along: 2, 3) * visibleBias).sum(along: 1)
    guard visible != .binary else { return -linear - hiddenTerm }
    return ((v * v).sum(along: 1, 2, 3) * 0.5 - linear) * (1 / variance) - hiddenTerm
  }

  /// A scalar whose gradient is that of contrastive divergence: the mean free energy of the images less that of what
  /// the machine makes of them in `steps` rounds of Gibbs sampling, per hidden position.
  ///
  /// Its value says little; watch `reconstructionError(of:)`. G. Hinton, "Training products of experts by minimizing
  /// contrastive divergence", 2002.
  ///
  /// - Parameters:
  ///   - steps: rounds of sampling. Default 1.
  ///   - sparsity: how often a hidden unit should be on; with `sparsityWeight` the squared distance of each group's mean
  ///     activation from it, as a function of the hidden biases, is added.
  public func contrastiveDivergence(
    of v: Tensor, steps: Int = 1, sparsity: Double = 0.01, sparsityWeight: Double = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    var dream = sampleHidden(of: v, file: file, line: line)
    for step in 1...max(steps, 1) {
      // The last picture is a mean, not a draw: less noise in the gradient (Hinton 2012, section 3.2).
      let picture =
        step == max(steps, 1)
        ? withoutGradients { visibleMean(of: dream, file: file, line: line) }
        : sampleVisible(of: dream, file: file, line: line)
      dream = step == max(steps, 1) ? picture : sampleHidden(of: picture, file: file, line: line)
    }
    let kernel = weight.shape[2]
    let positions = Double((v.shape[2] - kernel + 1) * (v.shape[3] - kernel + 1))
    let energy = freeEnergy(of: v, file: file, line: line).mean()
    let dreamEnergy = freeEnergy(of: dream, file: file, line: line).mean()
    let divergence = (energy - dreamEnergy) * (1 / positions)
    guard sparsityWeight > 0 else { return divergence }
    // Filters enter as constants: only the biases make units rarer (Lee et al., section 3.3).
    let drive = withoutGradients { conv2d(v, weight, file: file, line: line) }
    let excitation =
      (drive + hiddenBias.reshaped(to: [1, hiddenBias.count, 1, 1])) * (1 / variance)
    let shares = softmax(withOffUnit(blocks(of: excitation)), axis: 4)
    let activity = spread(shares, like: excitation.shape).mean(along: 0, 2, 3)
    let distance = activity - sparsity
    return divergence + (distance * distance).sum() * sparsityWeight
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
    return variance == 1 ? sum : sum * (1 / variance)
  }

  /// `[N, K, H', W']` as `[N, K, H' / P, W' / P, P²]`.
  private func blocks(of x: Tensor) -> Tensor {
    let (n, k, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let p = pooling
    guard height % p == 0, width % p == 0 else {
      trap(
        "ConvolutionalRBM: the pooling of \(p)x\(p) must divide the hidden layer's \(height)x\(width);"
          + " choose another kernel, pooling or image size", file: origin.file, line: origin.line)
    }
    return x.reshaped(to: [n, k, height / p, p, width / p, p]).transposed(0, 1, 2, 4, 3, 5)
      .reshaped(to: [n, k, height / p, width / p, p * p])
  }

  /// Blocks with one more score, 0: that of no unit being on.
  private func withOffUnit(_ blocks: Tensor) -> Tensor {
    let shape = blocks.shape
    let off = Tensor.zeros([shape[0], shape[1], shape[2], shape[3], 1], dtype: blocks.dtype)
    return concatenate([blocks, off], along: 4)
  }

  /// Blocks with the off unit back as `[N, K, H', W']`, without it.
  private func spread(_ blocks: Tensor, like shape: TensorShape) -> Tensor {
    let p = pooling
    return blocks.sliced(0..<p * p, along: 4)
      .reshaped(to: [shape[0], shape[1], shape[2] / p, shape[3] / p, p, p])
      .transposed(0, 1, 2, 4, 3, 5).reshaped(to: shape)
  }
}

import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import Testing

@Suite("Convolutional restricted Boltzmann machines")
struct ConvolutionalRBMTests {
  /// Two groups, one block of 2x2 hidden units each, over 3x3 visible units: all states can be listed.
  private func small(_ visible: ConvolutionalRBM.Visible = .binary) -> ConvolutionalRBM {
    withRandomSource(RandomSource(seed: 3)) {
      let machine = ConvolutionalRBM(1, 2, kernel: 2, visible: visible, dtype: .float64)
      machine.weight.value = .normal([2, 1, 2, 2], dtype: .float64)
      machine.hiddenBias.value = Tensor([0.3, -0.7], dtype: .float64)
      machine.visibleBias.value = Tensor([0.2], dtype: .float64)
      return machine
    }
  }

  /// E(v, h) by the sums of its definition; h names for each group the unit that is on, 4 for none.
  private func energy(
    _ machine: ConvolutionalRBM, _ v: [Double], _ h: [Int], variance: Double
  ) -> Double {
    let weight = machine.weight.value.scalars()
    let bias = machine.hiddenBias.value.scalars()
    let c = machine.visibleBias.value.scalars()[0]
    var energy = -c * v.reduce(0, +)
    if machine.visible != .binary { energy += v.reduce(0) { $0 + $1 * $1 / 2 } }
    for group in 0..<2 where h[group] < 4 {
      let (row, column) = (h[group] / 2, h[group] % 2)
      var sum = bias[group]
      for p in 0..<2 {
        for q in 0..<2 { sum += weight[group * 4 + p * 2 + q] * v[(row + p) * 3 + column + q] }
      }
      energy -= sum
    }
    return energy / variance
  }

  private let states = (0..<25).map { [$0 / 5, $0 % 5] }

  @Test(
    "free energy is -log of the sum over all hidden states",
    arguments: [ConvolutionalRBM.Visible.binary, .gaussian(deviation: 0.6)])
  func freeEnergy(_ visible: ConvolutionalRBM.Visible) {
    let machine = small(visible)
    let variance = visible == .binary ? 1 : 0.36
    let v = [0.1, 0.9, 0, 1, 0.4, 1, 0.7, 0, 1]
    let sum = states.reduce(0) { $0 + exponential(-energy(machine, v, $1, variance: variance)) }
    let image = Tensor(v, dtype: .float64).reshaped(to: [1, 1, 3, 3])
    #expect(abs(machine.freeEnergy(of: image).item + logarithm(sum)) < 1e-12)
  }

  @Test("hidden probabilities, pooled ones and samples agree with the list of all states")
  func hidden() {
    let machine = small()
    let v: [Double] = [0, 1, 0, 1, 1, 1, 0, 0, 1]
    let image = Tensor(v, dtype: .float64).reshaped(to: [1, 1, 3, 3])
    var on = [Double](repeating: 0, count: 8)
    var total = 0.0
    for state in states {
      let weight = exponential(-energy(machine, v, state, variance: 1))
      total += weight
      for group in 0..<2 where state[group] < 4 { on[group * 4 + state[group]] += weight }
    }
    on = on.map { $0 / total }
    let probabilities = machine.hiddenProbabilities(of: image).scalars()
    for (a, b) in zip(probabilities, on) { #expect(abs(a - b) < 1e-12) }
    let pooled = machine(image)
    #expect(pooled.shape == [1, 2, 1, 1])
    for group in 0..<2 {
      let expected = on[group * 4..<group * 4 + 4].reduce(0, +)
      #expect(abs(pooled.scalars()[group] - expected) < 1e-12)
    }
    let copies = image.broadcast(to: [4000, 1, 3, 3])
    let samples = withRandomSource(RandomSource(seed: 5)) { machine.sampleHidden(of: copies) }
    #expect(samples.reshaped(to: [8000, 4]).sum(along: 1).max().item <= 1)
    // Four deviations of a frequency among 4000.
    for (a, b) in zip(samples.mean(along: 0).scalars(), on) {
      #expect(abs(a - b) < 4 * (b * (1 - b) / 4000).squareRoot() + 1e-9)
    }
  }

  @Test("the means of visible units follow from the energy")
  func visible() {
    let machine = small()
    let h = Tensor([0, 1, 0, 0, 0, 0, 1, 0], dtype: .float64).reshaped(to: [1, 2, 2, 2])
    let means = machine.visibleMean(of: h).scalars()
    for pixel in 0..<9 {
      var v = [Double](repeating: 0, count: 9)
      let off = energy(machine, v, [1, 2], variance: 1)
      v[pixel] = 1
      let on = energy(machine, v, [1, 2], variance: 1)
      #expect(abs(means[pixel] - 1 / (1 + exponential(on - off))) < 1e-12)
    }
  }

  @Test("contrastive divergence raises the exact likelihood of the images it learns")
  func learning() {
    withRandomSource(RandomSource(seed: 1)) {
      let machine = ConvolutionalRBM(1, 2, kernel: 2, dtype: .float64)
      machine.weight.value = .normal([2, 1, 2, 2], deviation: 0.1, dtype: .float64)
      let stripes: [Double] = [1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0]
      let images = Tensor(stripes, dtype: .float64).reshaped(to: [2, 1, 3, 3])
      /// All 512 images, for the sum over v of e^-F(v).
      let all = (0..<512).flatMap { code in (0..<9).map { Double(code >> $0 & 1) } }
      let every = Tensor(all, dtype: .float64).reshaped(to: [512, 1, 3, 3])
      func likelihood() -> Double {
        -machine.freeEnergy(of: images).mean().item
          - (-machine.freeEnergy(of: every)).logSumExp().item
      }
      let before = likelihood()
      let optimizer = SGD(machine, learningRate: 0.2)
      let batch = images.broadcast(to: [2, 1, 3, 3])
      let many = concatenate([Tensor](repeating: batch, count: 32), along: 0)
      for _ in 0..<300 {
        optimizer.update(along: machine.contrastiveDivergence(of: many, steps: 2).gradients())
      }
      #expect(likelihood() > before + 1, "\(before) to \(likelihood())")
    }
  }

  @Test("the sparsity term moves hidden biases alone, towards the wished activity")
  func sparsity() {
    let machine = small()
    let image = Tensor([0, 1, 0, 1, 1, 1, 0, 0, 1], dtype: .float64).reshaped(to: [1, 1, 3, 3])
    func gradients(_ weight: Double) -> Gradients {
      withRandomSource(RandomSource(seed: 2)) {
        machine.contrastiveDivergence(of: image, sparsity: 0.01, sparsityWeight: weight).gradients()
      }
    }
    let (plain, sparse) = (gradients(0), gradients(3))
    #expect(plain[machine.weight]!.scalars() == sparse[machine.weight]!.scalars())
    for (a, b) in zip(plain[machine.hiddenBias]!.scalars(), sparse[machine.hiddenBias]!.scalars()) {
      #expect(b > a)
    }
  }

  @Test("pictures of the second layer are the filters below, put together by hand")
  func pictures() {
    let below = ConvolutionalRBM(1, 2, kernel: 2, dtype: .float64)
    let above = ConvolutionalRBM(2, 1, kernel: 2, dtype: .float64)
    below.weight.value = Tensor([1, 2, 3, 4, 5, 6, 7, 8], dtype: .float64)
      .reshaped(to: [2, 1, 2, 2])
    above.weight.value = Tensor([1, 0, 0, 10, 0, 0, 100, 0], dtype: .float64)
      .reshaped(to: [1, 2, 2, 2])
    let net = DeepBeliefNet([below, above])
    #expect(net.pictures(ofLayer: 0).scalars() == [1, 2, 3, 4, 5, 6, 7, 8])
    let picture = net.pictures(ofLayer: 1)
    #expect(picture.shape == [1, 1, 4, 4])
    #expect(
      picture.scalars() == [
        1, 2, 0, 0, 3, 4, 0, 0, 500, 600, 10, 20, 700, 800, 30, 40,
      ])
    #expect(net.namedParameters.map(\.name).first == "layers.0.weight")
  }

  @Test("the sparsity term adds λ (a - ρ) to the gradient of each hidden bias")
  func sparsityGradient() throws {
    let machine = small(.gaussian(deviation: 0.5))
    let image = Tensor([0, 1, 0, 1, 1, 1, 0, 0, 1], dtype: .float64).reshaped(to: [1, 1, 3, 3])
    func gradients(_ weight: Double) throws -> [Double] {
      try withRandomSource(RandomSource(seed: 2)) {
        let term = machine.contrastiveDivergence(of: image, sparsity: 0.01, sparsityWeight: weight)
        return try #require(term.gradients()[machine.hiddenBias]).scalars()
      }
    }
    let activity = machine.hiddenProbabilities(of: image).mean(along: 0, 2, 3).scalars()
    for (group, (plain, sparse)) in zip(try gradients(0), try gradients(3)).enumerated() {
      #expect(abs(sparse - plain - 3 * (activity[group] - 0.01)) < 1e-12)
    }
  }

  @Test("blocks of hidden units with huge excitation stay finite")
  func extremes() {
    let machine = small()
    machine.weight.value = .ones([2, 1, 2, 2], dtype: .float64) * 1e4
    let image = Tensor.ones([1, 1, 3, 3], dtype: .float64)
    #expect(machine(image).scalars() == [1, 1])
    #expect(machine.hiddenProbabilities(of: image).scalars() == Array(repeating: 0.25, count: 8))
    #expect(machine.freeEnergy(of: image).item.isFinite)
    #expect(machine(-image).scalars().allSatisfy { $0 >= 0 && $0 < 1e-300 })
  }

  @Test("a net says which sizes its filters and pools suit")
  func sizes() {
    let net = DeepBeliefNet([
      ConvolutionalRBM(1, 2, kernel: 7), ConvolutionalRBM(2, 3, kernel: 5),
    ])
    let good = (1...40).filter { net.takes(height: $0, width: $0) }
    // 7 - 1 + 2 (5 - 1 + 2 n), n = 1, 2, ...
    #expect(good == [18, 22, 26, 30, 34, 38])
    #expect(net.takes(height: 18, width: 30) && !net.takes(height: 18, width: 31))
    #expect(net(.zeros([1, 1, 22, 18])).shape == [1, 3, 2, 1])
  }

  @Test("local normalisation takes light and contrast away")
  func localNormalization() {
    let image = Tensor.normal([1, 2, 16, 16], dtype: .float64, source: RandomSource(seed: 4))
    let plain = locallyNormalized(image).scalars()
    let other = locallyNormalized(image * 7 + 3).scalars()
    for (a, b) in zip(plain, other) { #expect(abs(a - b) < 1e-4) }
    let flat = locallyNormalized(.ones([1, 1, 9, 9], dtype: .float64) * 5).scalars()
    #expect(flat.allSatisfy { abs($0) < 1e-6 })
  }

  @Test(
    "whitening makes amplitudes rise with the frequency up to the cutoff, and takes light and contrast away"
  )
  func whitening() {
    /// What is left of a wave, against what is left of one of 1/8: images are scaled, so two waves are compared in one.
    func ratio(of frequency: Double) -> Double {
      let side = 64
      let waves = (0..<side * side).map { place -> Double in
        let x = Double(place % side)
        let y = Double(place / side)
        return cosine(2 * .pi * frequency * x) + cosine(2 * .pi / 8 * y)
      }
      let image = Tensor(waves, dtype: .float64).reshaped(to: [1, 1, side, side])
      let inner = whitened(image).sliced(16..<48, along: 2).sliced(16..<48, along: 3)
      let across = inner.mean(along: 2).scalars()
      let down = inner.mean(along: 3).scalars()
      return (across.map { $0 * $0 }.reduce(0, +) / down.map { $0 * $0 }.reduce(0, +)).squareRoot()
    }
    func response(_ f: Double) -> Double {
      f * exponential(-(f / 0.4) * (f / 0.4) * (f / 0.4) * (f / 0.4))
    }
    for frequency in [1.0 / 16, 1.0 / 4, 3.0 / 8] {
      let expected = response(frequency) / response(1.0 / 8)
      let found = ratio(of: frequency)
      #expect(abs(found / expected - 1) < 0.06, "\(frequency): \(found), not \(expected)")
    }
    let noise = Tensor.normal([2, 3, 16, 20], dtype: .float64, source: RandomSource(seed: 4))
    let plain = whitened(noise).scalars()
    for (a, b) in zip(plain, whitened(noise * 7 + 3).scalars()) { #expect(abs(a - b) < 1e-3) }
    let each = whitened(noise)
    #expect(each.mean(along: 1, 2, 3).scalars().allSatisfy { abs($0) < 1e-9 })
    #expect((each * each).mean(along: 1, 2, 3).scalars().allSatisfy { abs($0 - 1) < 1e-2 })
    let flat = whitened(.ones([1, 1, 9, 9], dtype: .float64) * 5).scalars()
    #expect(flat.allSatisfy { abs($0) < 1e-6 })
  }

  private func cosine(_ x: Double) -> Double { cos(Tensor(x, dtype: .float64)).item }
  private func exponential(_ x: Double) -> Double { exp(Tensor(x, dtype: .float64)).item }
  private func logarithm(_ x: Double) -> Double { log(Tensor(x, dtype: .float64)).item }
}

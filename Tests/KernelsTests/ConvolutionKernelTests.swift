import CTapestryKernels
import Testing

extension tapestry_convolution {
  /// The output size follows from the rest; nil if no window fits.
  static func make(
    batch: Int, channels: Int, filters: Int, groups: Int = 1, size: (Int, Int), kernel: (Int, Int),
    stride: (Int, Int) = (1, 1),
    padding: (top: Int, left: Int, bottom: Int, right: Int) = (0, 0, 0, 0),
    dilation: (Int, Int) = (1, 1)
  ) -> tapestry_convolution? {
    let height = size.0 + padding.top + padding.bottom - dilation.0 * (kernel.0 - 1) - 1
    let width = size.1 + padding.left + padding.right - dilation.1 * (kernel.1 - 1) - 1
    guard height >= 0, width >= 0 else { return nil }
    return tapestry_convolution(
      batch: Int64(batch), channels: Int64(channels), height: Int64(size.0), width: Int64(size.1),
      filters: Int64(filters), kernel_height: Int64(kernel.0), kernel_width: Int64(kernel.1),
      output_height: Int64(height / stride.0 + 1), output_width: Int64(width / stride.1 + 1),
      stride_height: Int64(stride.0), stride_width: Int64(stride.1), top: Int64(padding.top),
      left: Int64(padding.left), bottom: Int64(padding.bottom), right: Int64(padding.right),
      dilation_height: Int64(dilation.0), dilation_width: Int64(dilation.1), groups: Int64(groups))
  }

  var label: String {
    "\(batch)x\(channels)x\(height)x\(width) filters \(filters) kernel \(kernel_height)x\(kernel_width)"
      + " stride \(stride_height),\(stride_width) padding \(top),\(left),\(bottom),\(right)"
      + " dilation \(dilation_height),\(dilation_width) groups \(groups)"
  }

  var inputs: Int { Int(batch * channels * height * width) }
  var outputs: Int { Int(batch * filters * output_height * output_width) }
  var weights: Int { Int(filters * (channels / groups) * kernel_height * kernel_width) }
  var products: Int { outputs * Int(channels / groups * kernel_height * kernel_width) }

  /// Calls body(input, weight, output) with the index of every product of the definition.
  func forEachProduct(_ body: (Int, Int, Int) -> Void) {
    let perGroup = Int(channels / groups)
    let filtersPerGroup = Int(filters / groups)
    let (kh, kw) = (Int(kernel_height), Int(kernel_width))
    var output = 0
    for n in 0..<Int(batch) {
      for f in 0..<Int(filters) {
        for i in 0..<Int(output_height) {
          for j in 0..<Int(output_width) {
            for c in 0..<perGroup {
              let plane = (n * Int(channels) + f / filtersPerGroup * perGroup + c) * Int(height)
              for a in 0..<kh {
                let row = i * Int(stride_height) - Int(top) + a * Int(dilation_height)
                if row < 0 || row >= Int(height) { continue }
                for b in 0..<kw {
                  let column = j * Int(stride_width) - Int(left) + b * Int(dilation_width)
                  if column < 0 || column >= Int(width) { continue }
                  body(
                    (plane + row) * Int(width) + column, ((f * perGroup + c) * kh + a) * kw + b,
                    output)
                }
              }
            }
            output += 1
          }
        }
      }
    }
  }
}

struct ConvolutionKernelCase: CustomStringConvertible {
  var shape: tapestry_convolution
  var relu: Bool, bias: Bool
  var scale: Bool, addend: Bool
  /// Channels of others between the images of the output.
  var gap: Int
  /// The same shape is not asked for its gradients again.
  var isForwardOnly = false
  var description: String { shape.label }

  init(
    _ shape: tapestry_convolution, relu: Bool, bias: Bool, scale: Bool = false,
    addend: Bool = false, gap: Int = 0
  ) {
    (self.shape, self.relu, self.bias) = (shape, relu, bias)
    (self.scale, self.addend, self.gap) = (scale, addend, gap)
  }

  /// Shapes that take each of the paths: named networks' layers made small, then random ones.
  static let all: [ConvolutionKernelCase] = {
    let named: [tapestry_convolution?] = [
      .make(
        batch: 3, channels: 1, filters: 6, size: (28, 28), kernel: (5, 5), padding: (2, 2, 2, 2)),
      .make(batch: 9, channels: 6, filters: 16, size: (14, 14), kernel: (5, 5)),
      .make(batch: 4, channels: 16, filters: 20, size: (5, 5), kernel: (5, 5)),
      .make(
        batch: 2, channels: 3, filters: 9, size: (23, 23), kernel: (7, 7), stride: (2, 2),
        padding: (3, 3, 3, 3)),
      .make(
        batch: 1, channels: 3, filters: 20, size: (27, 27), kernel: (11, 11), stride: (4, 4),
        padding: (2, 2, 2, 2)),
      .make(
        batch: 2, channels: 40, filters: 35, size: (7, 7), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(
        batch: 2, channels: 120, filters: 18, size: (6, 5), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(batch: 2, channels: 20, filters: 33, size: (9, 9), kernel: (1, 1)),
      .make(batch: 2, channels: 5, filters: 7, size: (24, 25), kernel: (1, 1)),
      .make(batch: 2, channels: 10, filters: 12, size: (9, 9), kernel: (1, 1), stride: (2, 2)),
      // 1x1 kernels: panels of pixels in one piece and in several, sums of more than one block, every second and third pixel.
      .make(batch: 6, channels: 70, filters: 33, size: (5, 7), kernel: (1, 1)),
      .make(batch: 3, channels: 270, filters: 15, size: (13, 14), kernel: (1, 1)),
      .make(batch: 2, channels: 30, filters: 140, size: (16, 18), kernel: (1, 1)),
      .make(batch: 2, channels: 40, filters: 45, size: (17, 37), kernel: (1, 1), stride: (2, 2)),
      .make(batch: 3, channels: 9, filters: 16, size: (13, 11), kernel: (1, 1), stride: (1, 3)),
      .make(batch: 2, channels: 12, filters: 10, size: (15, 34), kernel: (1, 1), stride: (3, 1)),
      .make(
        batch: 2, channels: 17, filters: 17, groups: 17, size: (12, 13), kernel: (3, 3),
        padding: (1, 1, 1, 1)),
      .make(
        batch: 2, channels: 6, filters: 18, groups: 6, size: (12, 33), kernel: (3, 3),
        stride: (2, 2), padding: (0, 0, 1, 1)),
      .make(batch: 0, channels: 3, filters: 4, size: (8, 8), kernel: (3, 3)),
      .make(batch: 2, channels: 3, filters: 4, size: (2, 3), kernel: (5, 5), padding: (2, 2, 2, 2)),
      .make(batch: 5, channels: 2, filters: 24, size: (20, 20), kernel: (3, 3), dilation: (2, 3)),
      .make(batch: 1, channels: 2, filters: 3, size: (5, 5), kernel: (1, 1), stride: (3, 3)),
      // Large enough to be spread over threads, by each of the rules.
      .make(
        batch: 1, channels: 64, filters: 40, size: (10, 34), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(batch: 1, channels: 1, filters: 6, size: (67, 66), kernel: (5, 5)),
      .make(
        batch: 2, channels: 8, filters: 16, size: (24, 25), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(
        batch: 3, channels: 70, filters: 60, size: (6, 9), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(
        batch: 2, channels: 18, filters: 40, size: (23, 21), kernel: (3, 3), stride: (2, 2),
        padding: (1, 1, 1, 1)),
      .make(
        batch: 20, channels: 4, filters: 11, size: (15, 17), kernel: (3, 3), padding: (1, 2, 0, 1)),
      // Winograd's method: tiles cut off, channels and filters that fill no register, few and many tiles.
      .make(
        batch: 2, channels: 50, filters: 66, size: (13, 14), kernel: (3, 3), padding: (1, 0, 2, 1)),
      .make(
        batch: 1, channels: 49, filters: 48, size: (45, 39), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(
        batch: 4, channels: 17, filters: 34, size: (7, 7), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(
        batch: 5, channels: 33, filters: 16, size: (10, 13), kernel: (3, 3), padding: (1, 1, 1, 1)),
      // Weight gradients with filters along the lanes: small weights and large, units of rows and of images.
      .make(
        batch: 3, channels: 35, filters: 150, size: (11, 13), kernel: (3, 3), padding: (1, 1, 1, 1)),
      .make(batch: 3, channels: 200, filters: 170, size: (7, 5), kernel: (1, 1)),
      .make(batch: 2, channels: 180, filters: 230, size: (7, 7), kernel: (1, 1), stride: (2, 2)),
      .make(
        batch: 1, channels: 3, filters: 34, size: (60, 62), kernel: (7, 7), stride: (2, 2),
        padding: (3, 3, 3, 3)),
      .make(
        batch: 2, channels: 6, filters: 33, size: (17, 16), kernel: (1, 7), padding: (0, 3, 0, 3)),
      .make(
        batch: 2, channels: 6, filters: 33, size: (17, 16), kernel: (7, 1), padding: (3, 0, 3, 0)),
      .make(
        batch: 3, channels: 96, filters: 100, size: (13, 14), kernel: (3, 3), padding: (1, 1, 1, 1)),
      // 1x1 kernels over planes smaller than a register, with and without strides.
      .make(batch: 3, channels: 32, filters: 40, size: (4, 4), kernel: (1, 1), stride: (2, 2)),
      .make(batch: 5, channels: 7, filters: 9, size: (2, 2), kernel: (1, 1)),
      .make(batch: 9, channels: 5, filters: 3, size: (3, 3), kernel: (1, 1), stride: (2, 2)),
      .make(batch: 2, channels: 40, filters: 12, size: (3, 2), kernel: (1, 1)),
      // Windows of images; weights larger than all images.
      .make(
        batch: 2, channels: 20, filters: 34, size: (60, 62), kernel: (3, 3), stride: (2, 2),
        padding: (1, 1, 1, 1)),
      .make(
        batch: 2, channels: 70, filters: 36, size: (63, 61), kernel: (1, 1), stride: (2, 2)),
      .make(
        batch: 2, channels: 120, filters: 200, size: (7, 7), kernel: (3, 3), padding: (1, 1, 1, 1)),
      // Images along the lanes: a batch that does not fill the last register, rows that neighbours cover unevenly, zeros around
      // the image on some sides, taps in several parts, rows shared out.
      .make(batch: 47, channels: 1, filters: 6, size: (14, 15), kernel: (5, 5)),
      .make(batch: 16, channels: 6, filters: 16, size: (14, 14), kernel: (5, 5)),
      .make(
        batch: 31, channels: 3, filters: 10, size: (9, 7), kernel: (3, 7), padding: (1, 3, 0, 2)),
      .make(
        batch: 13, channels: 16, filters: 3, size: (6, 40), kernel: (3, 3), padding: (2, 2, 2, 2)),
      .make(batch: 14, channels: 12, filters: 5, size: (30, 5), kernel: (2, 2)),
      // Depthwise: whole and partial registers, more filters than channels, kernels of other sizes.
      .make(
        batch: 2, channels: 20, filters: 20, groups: 20, size: (30, 37), kernel: (3, 3),
        padding: (1, 1, 1, 1)),
      .make(
        batch: 3, channels: 5, filters: 10, groups: 5, size: (18, 40), kernel: (3, 3),
        padding: (1, 0, 2, 1)),
      .make(
        batch: 2, channels: 8, filters: 8, groups: 8, size: (19, 20), kernel: (5, 5),
        padding: (4, 4, 4, 4), dilation: (2, 2)),
    ]
    var numbers = TestNumbers(3)
    // Every shape with a bias, and with all that an epilogue can do.
    var cases = named.compactMap { $0 }.flatMap { shape -> [ConvolutionKernelCase] in
      var full = ConvolutionKernelCase(
        shape, relu: true, bias: true, scale: true, addend: true, gap: numbers.int(0...2))
      full.isForwardOnly = true
      return [ConvolutionKernelCase(shape, relu: true, bias: true), full]
    }
    while cases.count < 140 {
      let groups = numbers.chance(3) ? numbers.int(1...4) : 1
      let size = (numbers.int(1...16), numbers.int(1...(numbers.chance(3) ? 40 : 16)))
      let kernel = numbers.chance(5) ? (1, 1) : (numbers.int(1...5), numbers.int(1...5))
      let stride = numbers.chance(3) ? (numbers.int(1...4), numbers.int(1...4)) : (1, 1)
      let dilation = numbers.chance(4) ? (numbers.int(1...3), numbers.int(1...3)) : (1, 1)
      let padding =
        numbers.chance(3)
        ? (top: 0, left: 0, bottom: 0, right: 0)
        : (
          top: numbers.int(0...4), left: numbers.int(0...4), bottom: numbers.int(0...4),
          right: numbers.int(0...4)
        )
      guard
        let shape = tapestry_convolution.make(
          batch: numbers.chance(5) ? numbers.int(4...20) : numbers.int(1...3),
          channels: groups * numbers.int(1...(numbers.chance(5) ? 40 : 8)),
          filters: groups * numbers.int(1...36), groups: groups, size: size, kernel: kernel,
          stride: stride,
          padding: padding, dilation: dilation), shape.products <= 300_000
      else { continue }
      cases.append(
        ConvolutionKernelCase(
          shape, relu: numbers.chance(2), bias: numbers.chance(2), scale: numbers.chance(2),
          addend: numbers.chance(2), gap: numbers.chance(2) ? 0 : 1))
    }
    return cases
  }()
}

extension KernelSuite {
  @Suite struct Convolution {
    @Test(
      "convolution: three directions and the bias agree with the definition",
      arguments: ConvolutionKernelCase.all)
    func definition(_ one: ConvolutionKernelCase) {
      for dtype in KernelRuns.dtypes { check(one, dtype) }
    }

    private func check(_ one: ConvolutionKernelCase, _ dtype: Int32) {
      var shape = one.shape
      var numbers = TestNumbers(UInt64(shape.products))
      let x = numbers.values(shape.inputs)
      let w = numbers.values(shape.weights)
      let gy = numbers.values(shape.outputs)
      let bias = numbers.values(Int(shape.filters))
      let pixels = Int(shape.output_height * shape.output_width)
      var y = [Double](repeating: 0, count: shape.outputs)
      var gx = [Double](repeating: 0, count: shape.inputs)
      var gw = [Double](repeating: 0, count: shape.weights)
      var gb = [Double](repeating: 0, count: Int(shape.filters))
      shape.forEachProduct { input, tap, output in
        y[output] += x[input] * w[tap]
        gx[input] += gy[output] * w[tap]
        gw[tap] += gy[output] * x[input]
      }
      let scale = numbers.values(Int(shape.filters))
      // Of the larger tensor that the outputs are channels of.
      let (perImage, stride) = (
        Int(shape.filters) * pixels, (Int(shape.filters) + one.gap) * pixels
      )
      let addend = numbers.values(Int(shape.batch) * stride)
      var written = [Double](repeating: 9, count: Int(shape.batch) * stride)
      for index in y.indices {
        let filter = index / pixels % Int(shape.filters)
        let place = index / max(perImage, 1) * stride + index % max(perImage, 1)
        if one.scale { y[index] *= scale[filter] }
        if one.bias { y[index] += bias[filter] }
        if one.addend { y[index] += addend[place] }
        if one.relu { y[index] = max(y[index], 0) }
        written[place] = y[index]
        gb[filter] += gy[index]
      }
      let mx = GuardedMemory(dtype, x)
      let mw = GuardedMemory(dtype, w)
      let mg = GuardedMemory(dtype, gy)
      let mb = GuardedMemory(dtype, bias)
      let ms = GuardedMemory(dtype, scale)
      let ma = GuardedMemory(dtype, addend)
      var epilogue = tapestry_convolution_epilogue(
        scale: one.scale ? UnsafeRawPointer(ms.pointer) : nil,
        bias: one.bias ? UnsafeRawPointer(mb.pointer) : nil,
        addend: one.addend ? UnsafeRawPointer(ma.pointer) : nil, relu: one.relu,
        image_stride: one.gap > 0 ? Int64(stride) : 0)
      // Winograd's method rounds to 5e-6 of the largest output.
      let tolerance = (8e-6, 1e-13)
      func unwritten(_ count: Int) -> [Double] { [Double](repeating: .nan, count: count) }
      KernelRuns.check(
        dtype, start: one.gap > 0 ? written.map { $0 == 9 ? 9 : .nan } : unwritten(y.count),
        expected: written, tolerance: tolerance, "forward \(one)"
      ) { tapestry_convolution_forward(dtype, &shape, mx.pointer, mw.pointer, &epilogue, $0) }
      if one.isForwardOnly { return }
      KernelRuns.check(
        dtype, start: unwritten(gx.count), expected: gx, tolerance: tolerance,
        "input gradient \(one)"
      ) { tapestry_convolution_input_gradient(dtype, &shape, mg.pointer, mw.pointer, $0) }
      KernelRuns.check(
        dtype, start: unwritten(gw.count), expected: gw, tolerance: tolerance,
        "weight gradient \(one)"
      ) { tapestry_convolution_weight_gradient(dtype, &shape, mx.pointer, mg.pointer, $0) }
      KernelRuns.check(
        dtype, start: unwritten(gb.count), expected: gb, tolerance: tolerance,
        "bias gradient \(one)"
      ) { tapestry_convolution_bias_gradient(dtype, &shape, mg.pointer, $0) }
    }

    /// The definition would take minutes for these; the kernels of float64, which are direct and are compared with it above,
    /// do not.
    @Test("convolution: layers of many windows and tiles agree with float64")
    func largeLayers() {
      let layers: [tapestry_convolution?] = [
        .make(
          batch: 5, channels: 100, filters: 104, size: (60, 61), kernel: (3, 3),
          padding: (1, 1, 1, 1)),
        .make(
          batch: 4, channels: 66, filters: 1010, size: (34, 33), kernel: (2, 2), stride: (4, 4),
          padding: (0, 1, 0, 0)),
        .make(
          batch: 3, channels: 64, filters: 64, size: (57, 56), kernel: (3, 3),
          padding: (1, 1, 1, 1)),
        .make(batch: 7, channels: 70, filters: 90, size: (23, 24), kernel: (1, 1)),
      ]
      for case var shape? in layers {
        var numbers = TestNumbers(UInt64(shape.products))
        let x = numbers.values(shape.inputs)
        let w = numbers.values(shape.weights)
        let gy = numbers.values(shape.outputs)
        func run(
          _ dtype: Int32,
          _ results: (_ x: GuardedMemory, _ w: GuardedMemory, _ gy: GuardedMemory) -> Void
        ) {
          results(GuardedMemory(dtype, x), GuardedMemory(dtype, w), GuardedMemory(dtype, gy))
        }
        let (single, double) = (KernelRuns.dtypes[0], KernelRuns.dtypes[1])
        let y = GuardedMemory(double, [Double](repeating: 0, count: shape.outputs))
        let gx = GuardedMemory(double, [Double](repeating: 0, count: shape.inputs))
        let gw = GuardedMemory(double, [Double](repeating: 0, count: shape.weights))
        run(double) { x, w, gy in
          tapestry_convolution_forward(
            double, &shape, x.pointer, w.pointer, nil, y.pointer)
          tapestry_convolution_input_gradient(double, &shape, gy.pointer, w.pointer, gx.pointer)
          tapestry_convolution_weight_gradient(double, &shape, x.pointer, gy.pointer, gw.pointer)
        }
        func check(
          _ count: Int, _ expected: GuardedMemory, _ name: String,
          _ body: (UnsafeMutableRawPointer) -> Void
        ) {
          KernelRuns.check(
            single, start: [Double](repeating: .nan, count: count),
            expected: (0..<count).map { expected[$0] }, tolerance: (8e-6, 0),
            "\(name) \(shape.label)", body)
        }
        run(single) { x, w, gy in
          check(shape.outputs, y, "forward") {
            tapestry_convolution_forward(single, &shape, x.pointer, w.pointer, nil, $0)
          }
          check(shape.inputs, gx, "input gradient") {
            tapestry_convolution_input_gradient(single, &shape, gy.pointer, w.pointer, $0)
          }
          check(shape.weights, gw, "weight gradient") {
            tapestry_convolution_weight_gradient(single, &shape, x.pointer, gy.pointer, $0)
          }
        }
      }
    }

    @Test("convolution: NaN passes through relu")
    func notANumber() {
      var shape = tapestry_convolution.make(
        batch: 1, channels: 1, filters: 2, size: (6, 20), kernel: (3, 3), padding: (1, 1, 1, 1))!
      var x = [Double](repeating: -1, count: shape.inputs)
      x[0] = .nan
      let mx = GuardedMemory(KernelRuns.dtypes[0], x)
      let mw = GuardedMemory(KernelRuns.dtypes[0], [Double](repeating: 1, count: shape.weights))
      KernelRuns.forEach { variant, _ in
        let y = GuardedMemory(KernelRuns.dtypes[0], [Double](repeating: 5, count: shape.outputs))
        var epilogue = tapestry_convolution_epilogue()
        epilogue.relu = true
        tapestry_convolution_forward(
          KernelRuns.dtypes[0], &shape, mx.pointer, mw.pointer, &epilogue, y.pointer)
        for index in 0..<shape.outputs {
          let (row, column) = (index / 20 % 6, index % 20)
          #expect(row < 2 && column < 2 ? y[index].isNaN : y[index] == 0, "\(variant) \(index)")
        }
      }
    }

    @Test("convolution: an infinite pixel reaches the outputs and weights that it meets, no others")
    func infinity() {
      let dtype = KernelRuns.dtypes[0]
      let cases = [(1, 6, 1, 0), (2, 17, 1, 0), (50, 48, 1, 1), (5, 5, 5, 1)]
      for (channels, filters, groups, padding) in cases {
        let sides = (top: padding, left: padding, bottom: padding, right: padding)
        var shape = tapestry_convolution.make(
          batch: 1, channels: channels, filters: filters, groups: groups, size: (20, 21),
          kernel: (3, 3), padding: sides)!
        var numbers = TestNumbers(5)
        var x = numbers.values(shape.inputs)
        let corner = 20 * 21 - 1
        x[corner] = .infinity
        let w = numbers.values(shape.weights).map { abs($0) + 0.1 }
        let gy = numbers.values(shape.outputs).map { abs($0) + 0.1 }
        var y = [Double](repeating: 0, count: shape.outputs)
        var gw = [Double](repeating: 0, count: shape.weights)
        shape.forEachProduct { input, tap, output in
          y[output] += x[input] * w[tap]
          gw[tap] += gy[output] * x[input]
        }
        let mx = GuardedMemory(dtype, x)
        let mw = GuardedMemory(dtype, w)
        let mg = GuardedMemory(dtype, gy)
        KernelRuns.forEach { variant, threads in
          let my = GuardedMemory(dtype, [Double](repeating: .nan, count: shape.outputs))
          let mgw = GuardedMemory(dtype, [Double](repeating: .nan, count: shape.weights))
          tapestry_convolution_forward(dtype, &shape, mx.pointer, mw.pointer, nil, my.pointer)
          tapestry_convolution_weight_gradient(
            dtype, &shape, mx.pointer, mg.pointer, mgw.pointer)
          func agrees(_ memory: GuardedMemory, _ expected: [Double]) -> Bool {
            expected.indices.allSatisfy {
              expected[$0].isInfinite
                ? memory[$0] == expected[$0] : abs(memory[$0] - expected[$0]) < 1e-3
            }
          }
          #expect(agrees(my, y), "forward, \(filters) filters, \(variant), \(threads) threads")
          #expect(agrees(mgw, gw), "weights, \(filters) filters, \(variant), \(threads) threads")
        }
      }
    }
  }
}

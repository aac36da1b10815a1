import TapestryGraph

/// The Lp norm of each window of each channel: between the sum of magnitudes (exponent 1) and, for
/// large exponents, the largest magnitude.
///
/// y = (Σ |x|^p)^(1/p), the sum over the pixels of a window; the power average of the source is this over
/// the number of pixels to the 1/p. Its gradient by a pixel is sign(x) (|x| / y)^(p - 1), and 0 in a window
/// that is 0 throughout. Composed of `abs`, `pow` and `sumPool2d`; a power |x|^p that overflows makes its
/// windows infinite.
///
/// - Parameters:
///   - input: images `[N, C, H, W]`.
///   - window: the size of the window, one number or `[height, width]`.
///   - exponent: p, at least 1 and finite. Whole even exponents are smooth also where pixels are 0; below 2
///     the second derivative there does not exist.
///   - stride: pixels between neighbouring windows. Default: the window's size.
///   - padding: rows and columns of zeros around the image. Default: none.
///   - ceilMode: whether a last window that reaches beyond the padding counts. Default: false.
/// - Returns: `[N, C, height, width]`, sized as by `maxPool2d`.
/// - Precondition: a window fits into the padded image; the exponent is at least 1 and finite.
///
/// Sermanet, Chintala, LeCun, "Convolutional neural networks applied to house numbers digit
/// classification", 2012, section 2.2, without its Gaussian weights.
public func lpPool2d(
  _ input: Tensor, window: Pair, exponent: Double, stride: Pair? = nil, padding: Padding2d = 0,
  ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sliding = SlidingWindow(
    size: window, stride: stride ?? window, padding: padding, isRoundingUp: ceilMode)
  if let refused = refusal(
    of: "lpPool2d", [("input", input)], file: file, line: line,
    rule: { () throws(Misuse) in
      _ = try sliding.pool(over: input.shape, needsPixels: false)
      guard exponent >= 1, exponent.isFinite else {
        throw Misuse(
          "the exponent is \(exponent), but must be at least 1 and finite; the limit of large"
            + " exponents is maxPool2d(abs(x))")
      }
      try requireSameType(Tensors(input))
    })
  {
    return refused
  }
  let isEven = exponent.truncatingRemainder(dividingBy: 2) == 0
  let powers = pow(
    isEven ? input : abs(input, file: file, line: line), exponent, file: file, line: line)
  let sums = sumPool2d(
    powers, window: window, stride: stride, padding: padding, ceilMode: ceilMode, file: file,
    line: line)
  // The root is not differentiable at 0: there it is taken of 1, and its result not used.
  let isZero = sums .== 0
  let root = pow(
    select(where: isZero, Tensor(1, dtype: sums.dtype), else: sums, file: file, line: line),
    1 / exponent, file: file, line: line)
  return select(where: isZero, Tensor(0, dtype: sums.dtype), else: root, file: file, line: line)
}

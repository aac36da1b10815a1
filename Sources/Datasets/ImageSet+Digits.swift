import CTapestryDigits

extension ImageSet {
  /// The 1,797 handwritten digits of 8 x 8 pixels with values 0 ... 16 that are part of this package:
  /// what runs without any download.
  ///
  /// Optical Recognition of Handwritten Digits (test part, in the order of scikit-learn), E. Alpaydin
  /// and C. Kaynak, UCI Machine Learning Repository, 1998, CC BY 4.0.
  public static let digits: ImageSet = {
    let count = TAPESTRY_DIGITS_COUNT
    let (height, width) = (TAPESTRY_DIGITS_HEIGHT, TAPESTRY_DIGITS_WIDTH)
    let pixels = UnsafeBufferPointer(start: tapestry_digits_pixels(), count: count * height * width)
    let labels = UnsafeBufferPointer(start: tapestry_digits_labels(), count: count)
    return ImageSet(
      name: "digits", height: height, width: width, maximumValue: TAPESTRY_DIGITS_MAXIMUM,
      classNames: ClassNames.digits, labels: labels.map(Int.init), pixels: Array(pixels))
  }()
}

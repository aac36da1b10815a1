import TapestryGraph

extension ImageSet {
  /// A set of the images in a tensor.
  ///
  /// Values are kept with 8 bits: what comes back differs by 1/510 of full brightness at most.
  ///
  /// - Parameters:
  ///   - images: `[N, C, H, W]`, of numbers in 0 ... 1.
  ///   - labels: `[N]`, the classes.
  ///   - classNames: of the classes. Default `0` ... the largest that occurs.
  /// - Precondition: shapes go together, values are in 0 ... 1, labels below the number of classes.
  public init(
    name: String = "tensors", images: Tensor, labels: Tensor, classNames: [String]? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let shape = images.shape
    guard shape.count == 4, labels.shape == [shape[0]], images.dtype.isFloatingPoint else {
      trap(
        "ImageSet \"\(name)\": images of shape [N, C, H, W] and labels of shape [N] are needed, not"
          + " \(images.spec) and \(labels.spec)", file: file, line: line)
    }
    let values = images.scalars()
    if let wrong = values.firstIndex(where: { !($0 >= 0 && $0 <= 1) }) {
      trap(
        "ImageSet \"\(name)\": value \(wrong) is \(values[wrong]), but must be in 0...1",
        file: file,
        line: line)
    }
    let classes = labels.integers()
    let names = classNames ?? (0..<(classes.max() ?? 0) + 1).map { String($0) }
    self.init(
      name: name, channels: shape[1], height: shape[2], width: shape[3], classNames: names,
      labels: classes, pixels: values.map { UInt8(($0 * 255).rounded()) }, file: file, line: line)
  }
}

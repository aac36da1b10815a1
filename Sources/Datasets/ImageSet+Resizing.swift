import TapestryFiles

extension ImageSet {
  /// The same images at another size, in memory, with values 0 ... 255. A set of that size comes back as it is.
  ///
  /// An image that is decoded on demand and cannot be read becomes black.
  ///
  /// - Parameter fit: how other proportions are treated. Default `fill`.
  /// - Precondition: sizes are positive.
  public func resized(height: Int, width: Int, fit: ImageFit = .fill) -> ImageSet {
    guard height != self.height || width != self.width else { return self }
    let scale = 1 / Float(maximumValue)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(checkedProduct(count, channels, height, width) ?? 0)
    for position in indices {
      let planes = Planes(
        channels: channels, height: self.height, width: self.width,
        values: self[position].pixels.map { Float($0) * scale })
      pixels += fit.apply(to: planes, height: height, width: width).planarBytes()
    }
    var resized = ImageSet(
      name: name, size: ImageSize(channels: channels, height: height, width: width),
      classNames: classNames, labels: labels, storage: .memory(pixels))
    resized.skipped = skipped
    return resized
  }
}

extension ImageSet {
  /// Checks that the set may be kept in memory at this size.
  package func requireMemory(height: Int, width: Int) throws(ResourceError) {
    // An image passes through numbers of four bytes, twice.
    let image = checkedProduct(8, channels, height, width)
    try ResourceLimits.current.requireMemory(
      checkedSum(checkedProduct(count, channels, height, width), image),
      for: "\(name) as \(count) images of \(channels) x \(height) x \(width)")
  }
}

extension ImageFit {
  /// The image at this size.
  package func apply(to planes: Planes, height: Int, width: Int) -> Planes {
    switch self {
    case .fill: planes.filling(height: height, width: width)
    case .fit: planes.fitting(height: height, width: width)
    case .stretch: planes.resized(height: height, width: width)
    }
  }
}

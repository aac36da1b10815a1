import CTapestryKernels
import TapestryFiles
import TapestryGraph

extension Transform {
  /// The change of the plane that a geometric step makes; `nil` for the others.
  func affineMap(_ size: ImageSize, _ random: inout SampleRandom) -> AffineMap? {
    switch self {
    case .rotate(let degrees):
      return .rotation(degrees: random.uniform(-degrees, degrees))
    case .translate(let share):
      let x = random.uniform(-share, share) * Double(size.width)
      return .shift(x: x, y: random.uniform(-share, share) * Double(size.height))
    case .scale(let range):
      return .scale(random.uniform(range.lowerBound, range.upperBound))
    case .shear(let degrees):
      return .shear(degrees: random.uniform(-degrees, degrees))
    default:
      return nil
    }
  }

  /// Changes one image. Geometric steps are applied with their neighbours, mixing ones to whole batches.
  ///
  /// - Parameter spare: memory to draw in, see ``Planes/redraw(height:width:spare:_:)``.
  func apply(to image: inout Planes, spare: inout [Float], _ random: inout SampleRandom) {
    switch self {
    case .pad(let side, let mode, let fill):
      image.crop(
        top: -side, left: -side, height: image.height + 2 * side, width: image.width + 2 * side,
        beyond: mode, fill: Float(fill), spare: &spare)
    case .crop(let padding, let mode):
      let top = random.integer(below: 2 * padding + 1) - padding
      let left = random.integer(below: 2 * padding + 1) - padding
      guard top != 0 || left != 0 else { return }
      image.crop(
        top: top, left: left, height: image.height, width: image.width, beyond: mode,
        spare: &spare)
    case .randomCrop(let height, let width):
      let top = random.integer(below: image.height - height + 1)
      let left = random.integer(below: image.width - width + 1)
      image.crop(top: top, left: left, height: height, width: width, spare: &spare)
    case .centerCrop(let height, let width):
      image.crop(
        top: (image.height - height) / 2, left: (image.width - width) / 2, height: height,
        width: width, spare: &spare)
    case .resizedCrop(let height, let width, let area):
      let part = Self.randomPart(of: image.size, area, &random)
      image.crop(
        top: part.top, left: part.left, height: part.height, width: part.width, spare: &spare)
      image = image.resized(height: height, width: width)
    case .resize(let height, let width, let method):
      image = image.resized(height: height, width: width, by: method)
    case .flip(let probability):
      if random.chance(probability) { image.flipHorizontally() }
    case .flipVertically(let probability):
      if random.chance(probability) { image = image.flippedVertically() }
    case .jitter(let brightness, let contrast, let saturation, let hue):
      image.jitter(
        brightness: random.uniform(max(0, 1 - brightness), 1 + brightness),
        contrast: random.uniform(max(0, 1 - contrast), 1 + contrast),
        saturation: random.uniform(max(0, 1 - saturation), 1 + saturation),
        hue: random.uniform(-hue, hue))
    case .grayscale(let probability):
      if random.chance(probability) { image.mixColors(towardsGray: 1) }
    case .normalize(let mean, let deviation):
      let (mean, scale) = (Float(mean), Float(1 / deviation))
      for i in image.values.indices { image.values[i] = (image.values[i] - mean) * scale }
    case .cutout(let side, let fill, let probability):
      guard random.chance(probability) else { return }
      let top = random.integer(below: image.height) - side / 2
      let left = random.integer(below: image.width) - side / 2
      image.cover(top: top, left: left, height: side, width: side, with: Float(fill))
    case .custom(let transform):
      let size = image.size
      transform.change(&image, &random)
      guard image.size == size, image.values.count == size.channels * size.height * size.width
      else {
        trapAtCaller("the transform \"\(transform.name)\" must not change the size of an image")
      }
    case .rotate, .translate, .scale, .shear, .mixup, .cutmix: break
    }
  }

  /// A random part of an image for ``resizedCrop(height:width:area:)``: ten attempts, then the middle.
  private static func randomPart(
    of size: ImageSize, _ area: ClosedRange<Double>, _ random: inout SampleRandom
  ) -> (top: Int, left: Int, height: Int, width: Int) {
    let whole = Double(size.height) * Double(size.width)
    for _ in 0..<10 {
      let pixels = whole * random.uniform(area.lowerBound, area.upperBound)
      // Uniform on a logarithmic scale: 3:4 as likely as 4:3.
      let proportion = tapestry_exp(random.uniform(tapestry_log(0.75), tapestry_log(4.0 / 3)))
      // Outside the image where there is no such number: another attempt.
      let width = wholeNumber((pixels * proportion).squareRoot()) ?? 0
      let height = wholeNumber((pixels / proportion).squareRoot()) ?? 0
      guard (1...size.width).contains(width), (1...size.height).contains(height) else { continue }
      return (
        random.integer(below: size.height - height + 1),
        random.integer(below: size.width - width + 1), height, width
      )
    }
    let side = min(size.height, size.width)
    return ((size.height - side) / 2, (size.width - side) / 2, side, side)
  }
}

extension Planes {
  /// Puts `value` over the part of a rectangle that is inside.
  mutating func cover(top: Int, left: Int, height: Int, width: Int, with value: Float) {
    let rows = max(0, top)..<max(max(0, top), min(self.height, top + height))
    let columns = max(0, left)..<max(max(0, left), min(self.width, left + width))
    for channel in 0..<channels {
      for row in rows {
        let start = (channel * self.height + row) * self.width
        for column in columns { values[start + column] = value }
      }
    }
  }

  /// Multiplies brightness, then contrast, then saturation, and turns the hue; numbers stay in 0 ... 1.
  mutating func jitter(brightness: Double, contrast: Double, saturation: Double, hue: Double) {
    if brightness != 1 { scale(by: Float(brightness), about: 0) }
    if contrast != 1 { scale(by: Float(contrast), about: meanBrightness) }
    guard channels == 3 else { return }
    if saturation != 1 { mixColors(towardsGray: Float(1 - saturation)) }
    if hue != 0 { turnHue(by: Float(hue)) }
  }

  private mutating func scale(by factor: Float, about middle: Float) {
    values.withUnsafeMutableBufferPointer { values in
      for i in values.indices {
        values[i] = min(max((values[i] - middle) * factor + middle, 0), 1)
      }
    }
  }

  /// The share of red, green and blue in the brightness, by ITU-R BT.601.
  private static let luma: (red: Float, green: Float, blue: Float) = (0.299, 0.587, 0.114)

  private var meanBrightness: Float {
    let plane = height * width
    let means = (0..<channels).map { channel in
      values[channel * plane..<(channel + 1) * plane].reduce(0, +) / Float(plane)
    }
    guard channels == 3 else { return means.reduce(0, +) / Float(channels) }
    return Self.luma.red * means[0] + Self.luma.green * means[1] + Self.luma.blue * means[2]
  }

  /// Replaces colours by `share` of their gray and the rest of themselves; a negative share strengthens them.
  mutating func mixColors(towardsGray share: Float) {
    guard channels == 3 else { return }
    let plane = height * width
    for i in 0..<plane {
      let (red, green, blue) = (values[i], values[plane + i], values[2 * plane + i])
      let gray = Self.luma.red * red + Self.luma.green * green + Self.luma.blue * blue
      values[i] = min(max(red + (gray - red) * share, 0), 1)
      values[plane + i] = min(max(green + (gray - green) * share, 0), 1)
      values[2 * plane + i] = min(max(blue + (gray - blue) * share, 0), 1)
    }
  }

  /// Turns colours by this share of the colour circle (the hue of hue, saturation, value).
  private mutating func turnHue(by share: Float) {
    let plane = height * width
    for i in 0..<plane {
      let (red, green, blue) = (values[i], values[plane + i], values[2 * plane + i])
      let (high, low) = (max(red, green, blue), min(red, green, blue))
      let chroma = high - low
      guard chroma > 0 else { continue }
      // The place on the circle, in sixths from red.
      var hue: Float =
        high == red
        ? (green - blue) / chroma
        : high == green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma
      hue += 6 * share
      func level(_ offset: Float) -> Float {
        let turned = hue + offset
        let place = turned - 6 * (turned / 6).rounded(.down)
        return high - chroma * max(0, min(1, min(place, 4 - place)))
      }
      values[i] = level(5)
      values[plane + i] = level(3)
      values[2 * plane + i] = level(1)
    }
  }
}

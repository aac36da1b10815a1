import TapestryFiles

/// How an image of a folder becomes one of the set's size.
public enum ImageFit: String, CaseIterable, Sendable {
  /// The middle is cut out in the proportions of the set, then resized: nothing is distorted.
  case fill
  /// The whole image, resized and centred on black: nothing is lost.
  case fit
  /// The whole image, its proportions changed.
  case stretch
}

/// Files with an image each, which are decoded when they are needed.
struct ImageFiles: Sendable {
  let paths: [String]
  let size: ImageSize
  /// How images of other sizes are resized; `nil` refuses them.
  let fit: ImageFit?
  let background: Double

  /// The pixels of file `place`, `[channels, height, width]`.
  func pixels(_ place: Int) throws(FileError) -> [UInt8] {
    let path = paths[place]
    return try pixels(of: RasterImage(contentsOf: path).opaque(over: background), path: path)
  }

  /// The pixels of a decoded image without opacity.
  func pixels(of image: RasterImage, path: String) throws(FileError) -> [UInt8] {
    if image.width == size.width, image.height == size.height {
      return image.planarBytes(channels: size.channels)
    }
    guard let fit else {
      throw FileError(
        path: path,
        cause: .malformed(
          format: "image",
          problems: [
            "is \(image.height) x \(image.width), but the images of the set are \(size.height) x"
              + " \(size.width); give a size to resize all to"
          ]))
    }
    let planes = image.planes(channels: size.channels)
    return fit.apply(to: planes, height: size.height, width: size.width).planarBytes()
  }
}

extension RasterImage {
  /// The values in 0 ... 255, `[channels, height, width]`: gray is repeated for three channels, colours become their
  /// brightness for one.
  func planarBytes(channels wanted: Int) -> [UInt8] {
    let bytes = bytes
    let plane = width * height
    var result = [UInt8](repeating: 0, count: wanted * plane)
    for position in 0..<plane {
      if wanted == channels {
        for channel in 0..<channels {
          result[channel * plane + position] = bytes[position * channels + channel]
        }
      } else if channels == 1 {
        for channel in 0..<wanted { result[channel * plane + position] = bytes[position] }
      } else {
        // ITU-R BT.601 in thousandths, rounded.
        let first = position * channels
        let sum =
          299 * Int(bytes[first]) + 587 * Int(bytes[first + 1]) + 114 * Int(bytes[first + 2])
        result[position] = UInt8((sum + 500) / 1000)
      }
    }
    return result
  }

  /// The image as numbers in 0 ... 1, with its opacity on black where it has one.
  ///
  /// - Parameter channels: 1, where colours become their brightness (ITU-R BT.601), or 3, where gray is repeated.
  ///   Default: as many as the image has.
  public func planes(channels wanted: Int? = nil) -> Planes {
    let source = opaque()
    let channels = wanted ?? source.channels
    let scale = 1 / Float(source.maximum)
    let plane = width * height
    var result = Planes(channels: channels, height: height, width: width)
    for position in 0..<plane {
      let first = position * source.channels
      if channels == source.channels {
        for channel in 0..<channels {
          result.values[channel * plane + position] = Float(source.samples[first + channel]) * scale
        }
      } else if source.channels == 1 {
        for channel in 0..<channels {
          result.values[channel * plane + position] = Float(source.samples[position]) * scale
        }
      } else {
        let red = 0.299 * Float(source.samples[first])
        let green = 0.587 * Float(source.samples[first + 1])
        result.values[position] = (red + green + 0.114 * Float(source.samples[first + 2])) * scale
      }
    }
    return result
  }
}

extension Planes {
  /// The image with 8 bits a sample; numbers beyond 0 ... 1 are cut off.
  ///
  /// - Precondition: one or three channels.
  public var raster: RasterImage {
    RasterImage(width: width, height: height, channels: channels, bytes: interleavedBytes())
  }
}

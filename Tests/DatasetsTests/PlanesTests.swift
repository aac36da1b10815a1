import TapestryDatasets
import TapestryFiles
import Testing

@Suite("Planes")
struct PlanesTests {
  private func row(_ values: [Float]) -> Planes {
    Planes(channels: 1, height: 1, width: values.count, values: values)
  }

  private func expect(
    _ planes: Planes, _ expected: [Float], _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(planes.values.count == expected.count, sourceLocation: location)
    let worst = zip(planes.values, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(worst < 1e-6, "\(planes.values)", sourceLocation: location)
  }

  @Test("resizing finds pixels as PyTorch does without aligned corners")
  func resizing() {
    // torch.nn.functional.interpolate, modes bilinear, nearest and area.
    expect(row([0, 1]).resized(height: 1, width: 4, by: .bilinear), [0, 0.25, 0.75, 1])
    expect(row([0, 1, 4, 9, 16]).resized(height: 1, width: 3, by: .bilinear), [1 / 3, 4, 41 / 3])
    expect(row([0, 1, 4, 9, 16]).resized(height: 1, width: 3, by: .nearest), [0, 1, 9])
    expect(row([0, 1]).resized(height: 1, width: 4, by: .nearest), [0, 0, 1, 1])
    expect(row([0, 1, 4, 9]).resized(height: 1, width: 2, by: .area), [0.5, 6.5])
    // A pixel covers five thirds: one whole, two thirds of the next.
    expect(
      row([0, 3, 6, 9, 12]).resized(height: 1, width: 3, by: .area), [1.2, 6, 10.8])
    let square = Planes(channels: 1, height: 2, width: 2, values: [0, 1, 2, 3])
    expect(
      square.resized(height: 3, width: 3, by: .bilinear), [0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3])
    expect(square.resized(height: 1, width: 1), [1.5])
    #expect(square.resized(height: 2, width: 2) == square)
  }

  @Test("a constant image stays constant at every size", arguments: Resampling.allCases)
  func constants(method: Resampling) {
    let image = Planes(channels: 2, height: 7, width: 5, value: 0.25)
    for (height, width) in [(1, 1), (3, 9), (14, 2), (50, 51)] {
      let resized = image.resized(height: height, width: width, by: method)
      #expect(resized.size == ImageSize(channels: 2, height: height, width: width))
      #expect(resized.values.allSatisfy { abs($0 - 0.25) < 1e-6 })
    }
  }

  @Test("cropping reaches beyond the edges: black, the edge, or mirrored")
  func cropping() {
    let image = Planes(channels: 1, height: 2, width: 3, values: [1, 2, 3, 4, 5, 6])
    expect(image.cropped(top: 1, left: 1, height: 1, width: 2), [5, 6])
    expect(
      image.cropped(top: -1, left: -1, height: 3, width: 3, fill: 9), [9, 9, 9, 9, 1, 2, 9, 4, 5])
    expect(
      image.cropped(top: -1, left: -2, height: 2, width: 7, beyond: .edge),
      [1, 1, 1, 2, 3, 3, 3, 1, 1, 1, 2, 3, 3, 3])
    expect(
      image.cropped(top: -1, left: -2, height: 2, width: 7, beyond: .reflect),
      [6, 5, 4, 5, 6, 5, 4, 3, 2, 1, 2, 3, 2, 1])
    expect(image.cropped(top: 5, left: 5, height: 1, width: 1, fill: 7), [7])
    expect(image.cropped(top: 0, left: -9, height: 1, width: 2), [0, 0])
  }

  @Test("flips mirror each plane")
  func flips() {
    let image = Planes(channels: 2, height: 2, width: 3, values: (1...12).map(Float.init))
    expect(image.flippedHorizontally(), [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10])
    expect(image.flippedVertically(), [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9])
  }

  @Test("images of files become planes and come back")
  func rasters() {
    let color = RasterImage(width: 2, height: 1, channels: 3, bytes: [255, 0, 0, 0, 51, 102])
    let planes = color.planes()
    expect(planes, [1, 0, 0, 0.2, 0, 0.4])
    #expect(planes.raster == color)
    // 0.299 of red; 0.587 and 0.114 of green and blue.
    expect(color.planes(channels: 1), [0.299, 0.587 * 0.2 + 0.114 * 0.4])
    let gray = RasterImage(width: 2, height: 1, channels: 2, maximum: 10, samples: [5, 10, 8, 5])
    expect(gray.planes(channels: 3), [0.5, 0.4, 0.5, 0.4, 0.5, 0.4])
    let bright = Planes(channels: 1, height: 1, width: 3, values: [-1, 2, .nan])
    #expect(bright.raster.bytes == [0, 255, 0])
  }
}

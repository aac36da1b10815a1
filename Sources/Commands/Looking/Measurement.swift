import TapestryDatasets
import TapestryInsight
import TapestryPictures
import TapestryTraining

/// A saved net measured on test images.
struct Measurement {
  let net: SavedNet
  let test: TestImages
  let result: Evaluation

  /// - Parameters:
  ///   - data: what `--data` says; `nil` for the data that the net was trained on.
  ///   - broken: what becomes of images that cannot be read.
  /// - Throws: ``CommandError`` where no image is left.
  init(_ choice: NetChoice, data: String?, broken: BrokenImages = .refused) throws {
    net = try choice.net()
    test = try TestImages(of: net, data: data, broken: broken)
    result = evaluate(net.model, on: test.loader)
    if broken == .refused { try test.loader.requireIntact() }
    guard result.count > 0 else {
      throw CommandError("\(test.source.name): has no test images that can be read")
    }
  }

  /// Which classes are taken for which, as a picture.
  var figure: Figure {
    confusionFigure(
      result, classNames: net.description.classNames,
      title: "\(net.description.model) on \(test.source.name)")
  }
}

import CTapestryPage
import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryPictures

/// A page that runs a trained net in a browser and shows what every layer makes of a picture.
///
/// One HTML file with the weights inside: nothing is loaded from anywhere. Draw a picture or choose one of the samples;
/// point at a unit to see its receptive field and its arithmetic. After A. W. Harley, "An interactive node-link
/// visualization of convolutional neural networks", ISVC 2015.
///
/// ```swift
/// let page = try ExplainPage(of: net, named: "lenet5", classNames: names, input: [1, 32, 32],
///   normalization: normalization, samples: testImages)
/// try page.write(to: "page.html")
/// ```
public struct ExplainPage: Sendable {
  /// The page.
  public let html: String

  /// The page of a net.
  ///
  /// - Parameters:
  ///   - net: images to logits, one per class.
  ///   - name: what the net is called.
  ///   - subtitle: a line below the title. Default: parameters and classes.
  ///   - classNames: what the logits stand for.
  ///   - input: of one image, `[C, H, W]`, with one channel or three.
  ///   - normalization: what pixel values in 0 ... 1 are shifted and scaled by before the net sees them.
  ///   - samples: pictures to choose from, of at most the input's height and width. What is drawn becomes a picture of
  ///     their size. Default: none; what is drawn has the input's size.
  ///   - sampleCount: how many of them, evenly over the set. Default 40.
  /// - Throws: `InputMismatch` when the net cannot take the input; ``ExplainPageError`` listing the ops that the page
  ///   cannot run, with their layers.
  public init(
    of net: some Model, named name: String, subtitle: String? = nil, classNames: [String],
    input: TensorShape, normalization: Normalization, samples: ImageSet? = nil,
    sampleCount: Int = 40
  ) throws {
    guard input.rank == 3, input[0] == 1 || input[0] == 3 else {
      throw ExplainPageError(problems: ["images have one channel or three, these are \(input)"])
    }
    net.named()
    let dtype = net.parameters.first?.dtype ?? .float32
    let trace = try net.trace(for: TensorShape([1, input[0], input[1], input[2]]), dtype: dtype)
    let description = try PageNet(trace, of: net)
    guard trace.outputs.count == 1,
      trace.values[trace.outputs[0]].spec.shape == TensorShape([1, classNames.count])
    else {
      throw ExplainPageError(problems: [
        "the net answers with \(trace.values[trace.outputs[0]].spec.shape), not with a logit for each of"
          + " \(classNames.count) classes"
      ])
    }
    var data = description.json
    data["classes"] = .array(classNames.map { .string($0) })
    data["mean"] = .array(normalization.mean.map { .number($0) })
    data["deviation"] = .array(normalization.deviation.map { .number($0) })
    data["subtitle"] = .string(
      subtitle ?? "\(net.parameterCount) parameters, \(classNames.count) classes")
    let pictures = try PageSamples(samples, count: sampleCount)
    data["source"] = pictures.source(input: input)
    data["samples"] = pictures.list
    html = Self.assemble(
      title: name, data: try JSONValue.object(data).text(),
      frame: String(cString: tapestry_page_html()))
  }

  /// Writes the page, all or nothing.
  public func write(to path: String) throws(FileError) { try AtomicFile.write(html, to: path) }

  /// The frame with the parts in the places of their marks; the parts may contain what looks like a mark.
  private static func assemble(title: String, data: String, frame: String) -> String {
    let parts = [
      "TITLE": escaped(title), "CSS": String(cString: tapestry_page_css()),
      // In JSON the sign can stand in texts only, where it can be written as a code: no text ends the script.
      "DATA": data.split(separator: "<", omittingEmptySubsequences: false)
        .joined(separator: "\\u003c"),
      "ENGINE": String(cString: tapestry_page_engine()),
      "VIEW": String(cString: tapestry_page_view()),
    ]
    return frame.split(separator: "@", omittingEmptySubsequences: false)
      .map { parts[String($0)] ?? String($0) }.joined()
  }
}

/// Why a net cannot be explained by a page.
public struct ExplainPageError: Error, Equatable, Sendable, CustomStringConvertible {
  public let problems: [String]

  public var description: String {
    "the net cannot be explained by a page:" + problems.map { "\n  \($0)" }.joined()
  }
}

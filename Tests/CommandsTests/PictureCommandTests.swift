import Tapestry
import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

/// An untrained digit net in a file, which is enough to draw.
private struct Untrained {
  let scratch: Scratch
  let weights: String

  init() throws {
    scratch = try Scratch()
    weights = scratch("weights.safetensors")
    let net = withRandomSource(RandomSource(seed: 4)) { DigitNet() }
    try net.save(
      to: weights, metadata: ["model": "digitnet", "data": "digits", "seed": "0"])
  }

  func text(_ name: String) throws -> String {
    String(decoding: try scratch.bytes(name), as: UTF8.self)
  }
}

@Suite("Commands that draw")
struct PictureCommandTests {
  private func images(in text: String) -> Int {
    text.split(separator: "<image ", omittingEmptySubsequences: false).count - 1
  }

  private func texts(in text: String) -> [String] {
    text.split(separator: "<text ").dropFirst().compactMap { part in
      part.split(separator: ">").dropFirst().first?.split(separator: "<").first.map(String.init)
    }
  }

  @Test("filters draws the filters of the first or a named convolution")
  func filters() throws {
    let net = try Untrained()
    let session = Session([
      "filters", "--weights", net.weights, "--output", net.scratch("a.svg"),
    ])
    #expect(session.exitCode == 0)
    #expect(session.lines == ["\(net.scratch("a.svg")): conv1.weight [6, 1, 5, 5] of digitnet"])
    #expect(try images(in: net.text("a.svg")) == 6)
    let other = Session([
      "filters", "--weights", net.weights, "--layer", "conv2", "--limit", "3", "--output",
      net.scratch("b.svg"),
    ])
    #expect(other.exitCode == 0)
    #expect(try images(in: net.text("b.svg")) == 3 * 6)
  }

  @Test("filters --histograms draws every parameter, as PNG too")
  func histograms() throws {
    let net = try Untrained()
    for name in ["a.svg", "a.png"] {
      let session = Session([
        "filters", "--weights", net.weights, "--histograms", "--output", net.scratch(name),
      ])
      #expect(session.exitCode == 0)
    }
    let names = DigitNet().namedParameters.map(\.name)
    #expect(try Set(names).isSubset(of: texts(in: net.text("a.svg"))))
    let image = try RasterImage(contentsOf: net.scratch("a.png"))
    #expect(image.width > 600 && image.channels == 3)
    #expect(Set(image.samples).count > 2)
  }

  @Test("maps draws a row for every op that gives maps, or for some layers")
  func maps() throws {
    let net = try Untrained()
    let all = Session([
      "maps", "--weights", net.weights, "--index", "3", "--output", net.scratch("a.svg"),
    ])
    #expect(all.exitCode == 0)
    #expect(try images(in: net.text("a.svg")) == 1 + 3 * 6 + 3 * 16)
    let some = Session([
      "maps", "--weights", net.weights, "--index", "3", "--layers", "relu1,pool1", "--output",
      net.scratch("b.svg"),
    ])
    #expect(some.exitCode == 0)
    #expect(
      try texts(in: net.text("b.svg")) == [
        "digitnet looking at test image 3 of digits", "image [1, 1, 32, 32]",
        "relu1: relu [1, 6, 28, 28]", "pool1: maxPool2d [1, 6, 14, 14]",
      ])
  }

  @Test("saliency draws every method, or those asked for, of a file")
  func saliency() throws {
    let net = try Untrained()
    let all = Session([
      "saliency", "--weights", net.weights, "--index", "0", "--class", "7", "--steps", "4",
      "--output", net.scratch("a.svg"),
    ])
    #expect(all.exitCode == 0)
    let drawn = try texts(in: net.text("a.svg"))
    #expect(drawn.first == "Why digitnet says 7")
    #expect(
      Array(drawn.dropFirst(2)) == [
        "image", "gradient", "guided backpropagation", "deconvolution", "integrated gradients",
        "Grad-CAM", "occlusion",
      ])
    let picture = try net.scratch.file(
      "seven.pgm", Array("P5\n8 8\n255\n".utf8) + (0..<64).map { UInt8($0 * 3) })
    let some = Session([
      "saliency", "--weights", net.weights, "--methods", "gradcam,occlusion", "--layer", "pool1",
      "--output", net.scratch("b.svg"), picture,
    ])
    #expect(some.exitCode == 0)
    #expect(try images(in: net.text("b.svg")) == 3)
  }

  @Test("dream draws the classes, or channels; the same seed gives the same file")
  func dream() throws {
    let net = try Untrained()
    func run(_ name: String, _ words: String...) throws -> [UInt8] {
      let session = Session(
        ["dream", "--weights", net.weights, "--steps", "3", "--output", net.scratch(name)] + words)
      #expect(session.exitCode == 0)
      return try net.scratch.bytes(name)
    }
    let first = try run("a.svg")
    #expect(images(in: String(decoding: first, as: UTF8.self)) == 10)
    #expect(try run("b.svg") == first)
    #expect(try run("c.svg", "--seed", "1") != first)
    let some = try run("d.svg", "--layer", "conv2", "--channels", "0,15")
    #expect(images(in: String(decoding: some, as: UTF8.self)) == 2)
  }

  @Test("confusion and mistakes agree with evaluate")
  func mistakes() throws {
    let net = try Untrained()
    let evaluation = try #require(
      try Session(["evaluate", "--weights", net.weights, "--json"]).json().first?.object)
    let count = try #require(evaluation["images"]?.double)
    let accuracy = try #require(evaluation["accuracy"]?.double)
    let right = Int((count * accuracy).rounded())
    let confusion = Session([
      "confusion", "--weights", net.weights, "--output", net.scratch("a.svg"),
    ])
    #expect(confusion.exitCode == 0)
    #expect(
      try texts(in: net.text("a.svg")).contains {
        $0.contains("\(right) of \(Int(count)) right")
      })
    let session = Session([
      "mistakes", "--weights", net.weights, "--count", "5", "--json", "--output",
      net.scratch("b.svg"),
    ])
    #expect(session.exitCode == 0)
    let listed = try session.json().compactMap(\.object)
    #expect(listed.count == 5)
    #expect(listed.allSatisfy { $0["truth"]?.string != $0["answer"]?.string })
    let shares = listed.compactMap { $0["truth_probability"]?.double }
    #expect(shares == shares.sorted())
    #expect(try images(in: net.text("b.svg")) == 5)
  }

  @Test("patches draws the strongest patches and their patterns")
  func patches() throws {
    let net = try Untrained()
    let session = Session([
      "patches", "--weights", net.weights, "--layer", "pool1", "--channels", "0,5", "--count", "4",
      "--output", net.scratch("a.svg"),
    ])
    #expect(session.exitCode == 0)
    let text = try net.text("a.svg")
    #expect(images(in: text) == 2 * 2 * 4)
    #expect(texts(in: text).contains("channel 5"))
  }

  @Test("classes and the scaling of pixels come from the command line, too")
  func preprocessing() throws {
    let net = try Untrained()
    let names = (0..<10).map { "class \($0)" }.joined(separator: "\n")
    let classes = try net.scratch.file("names.txt", Array(names.utf8))
    func text(_ name: String, _ words: [String]) throws -> String {
      let session = Session(
        words + ["--weights", net.weights, "--output", net.scratch(name)])
      #expect(session.exitCode == 0, "\(session.errors)")
      return try net.text(name)
    }
    for command in ["confusion", "mistakes", "dream"] {
      let steps = command == "dream" ? ["--steps", "2"] : []
      let drawn = try texts(in: text("a.svg", [command, "--classes", classes] + steps))
      #expect(drawn.contains { $0.contains("class 3") }, "\(command): \(drawn)")
    }
    let map = ["maps", "--index", "3", "--layers", "conv1"]
    let plain = try text("b.svg", map)
    #expect(try text("c.svg", map + ["--mean", "0.5", "--deviation", "0.1"]) != plain)
    let gradient = ["saliency", "--index", "3", "--methods", "gradient", "--class"]
    let asked = try text("d.svg", gradient + ["class 7", "--classes", classes])
    #expect(texts(in: asked).first == "Why digitnet says class 7")
    let best = ["patches", "--layer", "pool1", "--channels", "0", "--count", "1"]
    #expect(try images(in: text("e.svg", best + ["--mean", "0.5"])) == 2)
    let page = try text("f.html", ["explain", "--classes", classes, "--mean", "0.25"])
    #expect(page.contains(#""class 9""#) && page.contains(#""mean":[0.25]"#))
    let refused = Session(
      map + ["--weights", net.weights, "--output", net.scratch("g.svg"), "--mean", "1,2"])
    #expect(
      refused.exitCode == 1 && refused.complaint.contains("a number for each of the 1 channel"))
  }

  @Test(
    "mistakes on the command line name the remedy",
    arguments: [
      (["filters", "--layer", "conv9"], 1, "there are conv1, conv2"),
      (["filters", "--histograms", "--gray"], 2, "goes without --layer and --gray"),
      (["maps"], 2, "give IMAGE files, or --index N"),
      (["maps", "--index", "3", "--layers", "fc1,conv1"], 1, #"no maps come from "fc1""#),
      (["saliency", "--index", "1", "--methods", "gradcan"], 2, "did you mean 'gradcam'?"),
      (["saliency", "--index", "1", "--class", "ten"], 1, "there is no class"),
      (["saliency", "--index", "1", "--layer", "nowhere"], 1, "its layers are conv1, relu1"),
      (["dream", "--layer", "conv2", "--channels", "16"], 1, "the channels 0 to 15, not 16"),
      (["patches", "--layer", "conv3"], 1, "there is no layer 'conv3'"),
    ])
  func errors(words: [String], code: Int32, text: String) throws {
    let net = try Untrained()
    let session = Session(words + ["--weights", net.weights, "--output", net.scratch("x.svg")])
    #expect(session.exitCode == code)
    #expect(session.complaint.contains(text), "\(session.complaint)")
    #expect(!net.scratch.names.contains("x.svg"))
  }

  @Test(
    "a picture ends in .svg or .png",
    arguments: ["filters", "maps", "saliency", "dream", "patches", "confusion", "mistakes"])
  func endings(command: String) {
    let images = command == "maps" || command == "saliency" ? ["--index", "0"] : []
    let session = Session([command, "--weights", "w", "--output", "x.gif"] + images)
    #expect(session.exitCode == 2)
    #expect(session.complaint.contains("must end in .svg or .png"))
  }
}

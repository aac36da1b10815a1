import TapestryDatasets
import TestSupport
import Testing

@Suite("Augmentations as text")
struct AugmentationParsingTests {
  @Test("every step of the grammar is read, and what is written is read back")
  func grammar() throws {
    let examples = [
      "pad": "pad:4:constant:0.5", "crop": "crop:4:edge", "random-crop": "random-crop:8x9",
      "center-crop": "center-crop:8x9", "resized-crop": "resized-crop:8x9:0.1:0.9",
      "resize": "resize:8x9:nearest", "flip": "flip:0.25", "flip-vertical": "flip-vertical:0.5",
      "rotate": "rotate:15", "translate": "translate:0.1", "scale": "scale:0.8:1.2",
      "shear": "shear:10", "jitter": "jitter:0.1:0.2:0.3:0.05", "grayscale": "grayscale:0.2",
      "normalize": "normalize:0.5:0.25", "cutout": "cutout:8:0.5:0.75", "mixup": "mixup:0.4",
      "cutmix": "cutmix:2",
    ]
    let names = Augmentation.grammar.map {
      String($0.prefix { $0 != " " && $0 != ":" && $0 != "[" })
    }
    #expect(Set(names) == Set(examples.keys) && names.count == examples.count)
    for text in examples.values {
      let augmentation = try Augmentation(text)
      #expect(augmentation.steps.count == 1)
      #expect(augmentation.description == text)
    }
    let all = try Augmentation(examples.values.joined(separator: ","))
    #expect(try Augmentation(all.description) == all)
  }

  @Test("what is left out has its default; blanks do not matter")
  func defaults() throws {
    #expect(
      try Augmentation(" crop:4, flip ,cutout:8,mixup,resize:9,grayscale,resized-crop:7 ").steps
        == [
          .crop(padding: 4), .flip(), .cutout(side: 8), .mixup(),
          .resize(height: 9, width: 9), .grayscale(), .resizedCrop(height: 7, width: 7),
        ])
    #expect(try Augmentation("").isEmpty && Augmentation("  ").isEmpty)
  }

  @Test("everything that is not understood is listed at once, with what there is")
  func problems() {
    let text = message {
      try Augmentation("crop,flop:3,flip:2,rotate:x,,resize:0x4,pad:1:mirror,flip:1:2,scale:2:1")
    }
    let lines = text.split(separator: "\n").map(String.init)
    #expect(
      Array(lines.prefix(11)) == [
        "augmentation: 9 problems",
        "  'crop': N is missing",
        "  'flop:3': there is no step 'flop' (did you mean 'flip'?)",
        "  'flip:2': flip:2: a probability is from 0 to 1",
        "  'rotate:x': DEGREES is 'x', but must be a number",
        "  '': a step is missing between commas",
        "  'resize:0x4': the size is '0x4', but must be like 32x32 or 32, of 1 to 65535",
        "  'pad:1:mirror': 'mirror' is none of constant, edge, reflect",
        "  'flip:1:2': '2' is more than 'flip' takes",
        "  'scale:2:1': the range 2.0 to 1.0 is empty",
        "Steps, with commas between them:",
      ])
    #expect(lines.count == 11 + Augmentation.grammar.count)
  }

  @Test("numbers out of range are refused, never a crash")
  func ranges() {
    for text in [
      "crop:-1", "crop:99999999999999999999", "pad:70000", "rotate:1e999", "rotate:nan",
      "flip:-0.1",
      "translate:2", "scale:0:1", "scale:-1:1", "shear:90", "jitter:-1", "jitter:0:0:0:1",
      "normalize:0:0", "cutout:0", "cutout:8:0:7", "mixup:0", "cutmix:-1", "resized-crop:8:0",
      "resized-crop:8:0.5:2", "resize:", "resize:3x4x5", "resize:axb", ":", "é:1", "crop:4:",
    ] {
      #expect(throws: AugmentationError.self) { try Augmentation(text) }
    }
  }

  @Test("a step with impossible numbers in the program ends it with words")
  func misuse() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Augmentation([.flip(probability: 3)])
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("AugmentationParsingTests.swift"))
    #expect(text.contains("Augmentation: flip:3: a probability is from 0 to 1"))
  }
}

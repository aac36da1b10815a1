import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

@Suite("CIFAR")
struct CIFARTests {
  /// Images of CIFAR-10 whose pixels count up from a number of their own.
  private func ten(_ labels: [UInt8], first: Int = 0) -> [UInt8] {
    labels.enumerated().flatMap { index, label in
      [label] + (0..<3072).map { UInt8(truncatingIfNeeded: first + index * 7 + $0) }
    }
  }

  private func hundred(_ labels: [(coarse: UInt8, fine: UInt8)]) -> [UInt8] {
    labels.flatMap { [$0.coarse, $0.fine] + [UInt8](repeating: $0.fine, count: 3072) }
  }

  @Test("CIFAR-10: batches in their order, mapped or compressed, with its class names")
  func ten() throws {
    let folder = try TestFolder("cifar")
    try folder.write("data_batch_2.bin", ten([9], first: 50))
    try folder.write("data_batch_1.bin", ten([3, 0, 1]))
    try folder.write("test_batch.bin", ten([5, 6], first: 90))
    let (training, test) = try ImageSet.load(cifar: folder.path)
    #expect(training.description == "cifar training: 4 images of 3 x 32 x 32, 10 classes")
    #expect(training.labels == [3, 0, 1, 9] && test.labels == [5, 6])
    #expect(training.classNames.first == "airplane" && training.classNames.last == "truck")
    #expect(!training.isInMemory)
    #expect(Array(training[1].pixels.prefix(3)) == [7, 8, 9])
    #expect(Array(training[3].pixels.prefix(2)) == [50, 51])
    #expect(training[0].pixel(channel: 2, row: 31, column: 31) == 3071 % 256)

    try folder.write("data_batch_1.bin.gz", Gzip.compress(ten([3, 0, 1])))
    folder.remove("data_batch_1.bin")
    let compressed = try ImageSet.load(cifar: folder.path).training
    #expect(compressed.isInMemory && compressed.pixels == training.pixels)
    #expect(compressed.labels == training.labels)
    let batches = try [training, compressed].map {
      try BatchLoader($0, batchSize: 3, seed: 2).epoch(0).map { $0.images.scalars() }
    }
    #expect(batches[0] == batches[1])
    #expect(Normalization(of: training) == Normalization(of: compressed))
  }

  @Test("without test images a fifth of each class is held out; names come from the file")
  func heldOut() throws {
    let folder = try TestFolder("part")
    try folder.write("data_batch_1_first20.bin", ten((0..<20).map { $0 % 2 }))
    try folder.write("batches.meta.txt", Array((0..<10).map { "kind \($0)\n" }.joined().utf8))
    let (training, test) = try ImageSet.load(cifar: folder.path)
    #expect(training.count == 16 && test.labels.sorted() == [0, 0, 1, 1])
    #expect(test[0].className.hasPrefix("kind "))
    try folder.write("batches.meta.txt", Array("one\ntwo".utf8))
    #expect(
      message { try ImageSet.load(cifar: folder.path) }.contains(
        "batches.meta.txt has 2 names, but there are 10 classes"))
  }

  @Test("CIFAR-100: fine and coarse classes")
  func hundred() throws {
    let folder = try TestFolder("hundred")
    try folder.write("train.bin", hundred([(19, 99), (4, 7)]))
    try folder.write("test.bin.gz", Gzip.compress(hundred([(0, 42)])))
    let fine = try ImageSet.load(cifar: folder.path)
    #expect(fine.training.labels == [99, 7] && fine.training.classCount == 100)
    #expect(fine.training[0].pixels.allSatisfy { $0 == 99 } && fine.test[0].pixels.first == 42)
    let coarse = try ImageSet.load(cifar: folder.path, labels: .coarse)
    #expect(coarse.training.labels == [19, 4] && coarse.test.classCount == 20)
  }

  @Test("lengths and labels that are wrong are all told at once")
  func problems() throws {
    let folder = try TestFolder("bad")
    try folder.write("data_batch_1.bin", Array(ten([3, 0]).dropLast()))
    try folder.write("data_batch_2.bin", ten([3, 10, 200]))
    try folder.write("test_batch.bin", [])
    let text = message { try ImageSet.load(cifar: folder.path) }
    #expect(text.contains("3 problems"))
    #expect(
      text.contains("data_batch_1.bin: CIFAR-10: has 6145 bytes, but must have 3073 for each image")
    )
    #expect(
      text.contains(
        "data_batch_2.bin: label 1 is 10, but the 10 classes are 0...9 (and 1 more such labels)"))
    #expect(text.contains("test_batch.bin: CIFAR-10: has 0 bytes"))

    let mixed = try TestFolder("mixed")
    try mixed.write("data_batch_1.bin", ten([1]))
    try mixed.write("train.bin", hundred([(1, 1)]))
    #expect(
      message { try ImageSet.load(cifar: mixed.path) }.contains("both CIFAR-10 and CIFAR-100"))
    let empty = try TestFolder("empty")
    #expect(
      message { try ImageSet.load(cifar: empty.path) }
        .contains("data_batch_1.bin or train.bin is missing (training images)"))
  }
}

import Tapestry
import TapestryFiles
import TapestryPictures
import TapestryTraining
import TestSupport
import Testing

@Suite("Training logs")
struct TrainingLogTests {
  private func record(_ epoch: Int, validation: EpochRecord.Validation? = nil) -> EpochRecord {
    EpochRecord(
      epoch: epoch, updates: 10 * epoch, learningRate: 0.5, loss: 1 / Double(epoch), accuracy: 0.75,
      images: 80, seconds: 2, validation: validation)
  }

  @Test("the table has a line per epoch; columns without a value are empty")
  func table() {
    let validation = EpochRecord.Validation(loss: 0.5, accuracy: 0.25, topFiveAccuracy: nil)
    #expect(
      EpochLog.table([record(1), record(2, validation: validation)]) == """
        epoch,updates,learning_rate,loss,accuracy,validation_loss,validation_accuracy,\
        validation_top5_accuracy,images,seconds
        1,10,0.5,1.0,0.75,,,,80,2.0
        2,20,0.5,0.5,0.75,0.5,0.25,,80,2.0

        """)
  }

  @Test("a run leaves the table and the curves; a folder that is not there is told, not fatal")
  func files() throws {
    let scratch = try Scratch()
    let log = EpochLog(
      csv: scratch("log.csv"), svg: scratch("curves.svg"), png: scratch("curves.png"),
      title: "a < b")
    let lost = EpochLog(csv: scratch("nowhere/log.csv"))
    let net = withRandomSource(RandomSource(seed: 1)) { Small() }
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1), observers: [log, lost])
    _ = try trainer.run(on: BatchLoader(images(16), batchSize: 8), epochs: 3)
    #expect(log.failure == nil)
    #expect(Scratch.names(scratch.path) == ["curves.png", "curves.svg", "log.csv"])
    let table = try InputFile(path: scratch("log.csv")).readToEnd(limit: 10_000)
    #expect(String(decoding: table, as: UTF8.self).split(separator: "\n").count == 4)
    let svg = String(
      decoding: try InputFile(path: scratch("curves.svg")).readToEnd(limit: 100_000), as: UTF8.self)
    #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("a &lt; b"))
    #expect(lost.failure?.path == scratch("nowhere/log.csv"))
  }

  @Test("CRC-32C of the examples in RFC 3720, and its mask")
  func checksum() {
    #expect(CRC32C.checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    // Turned right by 15 bits, plus the constant.
    #expect(CRC32C.masked(Array("123456789".utf8)) == 0xC78A_B0E5)
  }

  @Test("an event file, byte for byte")
  func events() throws {
    let scratch = try Scratch()
    let file = try EventFile(in: scratch("events"), from: 0, clock: { 1.5 })
    try file.add("a", 0.25, step: 300)
    #expect(file.path == scratch("events/events.out.tfevents.1.tapestry.0"))
    let time: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]
    let version = time + [0x1A, 13] + Array("brain.Event:2".utf8)
    let summary: [UInt8] = [0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0x80, 0x3E]
    let event = time + [0x10, 0xAC, 0x02, 0x2A, 10] + summary
    let bytes = try InputFile(path: file.path).readToEnd(limit: 10_000)
    #expect(bytes == EventFile.record(version) + EventFile.record(event))
    #expect(EventFile.record(version).prefix(8) == [24, 0, 0, 0, 0, 0, 0, 0])
    #expect(EventFile.record(version).count == 24 + 16)
  }

  @Test("another file of the same second gets another name and says from which step it goes on")
  func restart() throws {
    let scratch = try Scratch()
    _ = try EventFile(in: scratch("events"), from: 0, clock: { 7 })
    let second = try EventFile(in: scratch("events"), from: 5, clock: { 7 })
    #expect(second.path.hasSuffix("events.out.tfevents.7.tapestry.1"))
    let bytes = try InputFile(path: second.path).readToEnd(limit: 10_000)
    // After the version: time, step 5, and a session log that says START.
    #expect(bytes.suffix(4 + 6).prefix(6) == [0x10, 5, 0x3A, 2, 0x08, 1])
  }
}

@Suite("Learning curves")
struct LearningCurveTests {
  @Test(
    "thousands of epochs, however large their numbers, are drawn soon and take little room",
    arguments: [1e15, 1e308, .nan])
  func long(size: Double) {
    let history = (1...5_000).map { epoch in
      EpochRecord(
        epoch: epoch, updates: epoch, learningRate: 0.1,
        loss: epoch % 2 == 0 ? size : -size, accuracy: 0.5, images: 1, seconds: 1)
    }
    let time = ContinuousClock().measure {
      let curves = LinePlot.learningCurves(history)
      #expect(curves.svg.utf8.count < 1_000_000)
      #expect(curves.raster().width == 1440)
    }
    #expect(time < .seconds(30))
  }
}

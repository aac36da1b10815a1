import TapestryFiles

/// A log in TensorBoard's format: `tensorboard --logdir DIR` shows it while the run goes on.
///
/// ```swift
/// let events = try EventFile(in: "runs/mine/events")
/// try events.add("train/loss", 0.43, step: 120)
/// ```
///
/// The file is a series of TFRecords (length, checksum, data, checksum; little-endian), each with one `Event` message
/// in protocol-buffer encoding: https://github.com/tensorflow/tensorboard, `tensorboard/compat/proto/event.proto`.
/// Every event is in the file as soon as the call returns.
public final class EventFile {
  /// The path of the file.
  public let path: String
  private let file: AppendedFile
  private let clock: () -> Double

  /// Begins a new file in `folder`, which is made when it does not exist.
  ///
  /// - Parameter step: events of later steps that are in the folder already, from a run that was killed, are not
  ///   shown any more. Default 0.
  /// - Throws: `FileError`.
  public convenience init(in folder: String, from step: Int = 0) throws(FileError) {
    try self.init(in: folder, from: step, clock: secondsSince1970)
  }

  package init(in folder: String, from step: Int, clock: @escaping () -> Double) throws(FileError) {
    try makeDirectories(folder)
    let now = clock()
    // Several in one second get different names: TensorBoard reads them in the order of names.
    var number = 0
    var name = ""
    let taken = Set(try namesInDirectory(folder))
    repeat {
      name = "events.out.tfevents.\(Int(now)).tapestry.\(number)"
      number += 1
    } while taken.contains(name)
    path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    file = try AppendedFile(path: path)
    self.clock = clock
    var version = ProtocolBufferWriter()
    version.double(1, now)
    version.text(3, "brain.Event:2")
    try append(version)
    if step > 0 {
      var event = ProtocolBufferWriter()
      event.double(1, now)
      event.integer(2, step)
      event.message(7) { start in start.integer(1, 1) }
      try append(event)
    }
  }

  /// Adds a number to the curve called `tag`.
  public func add(_ tag: String, _ value: Double, step: Int) throws(FileError) {
    try add([(tag, value)], step: step)
  }

  /// Adds a number to each of several curves, in one event.
  public func add(_ values: [(tag: String, value: Double)], step: Int) throws(FileError) {
    var event = ProtocolBufferWriter()
    event.double(1, clock())
    event.integer(2, step)
    event.message(5) { summary in
      for (tag, number) in values {
        summary.message(1) { value in
          value.text(1, tag)
          value.float(2, Float(number))
        }
      }
    }
    try append(event)
  }

  private func append(_ event: ProtocolBufferWriter) throws(FileError) {
    try file.append(Self.record(event.bytes))
  }

  /// A TFRecord of `data`.
  package static func record(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(CRC32C.masked(length)) + data
      + littleEndian(CRC32C.masked(data))
  }
}

func littleEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// The checksum of TFRecords: CRC-32 with Castagnoli's polynomial (RFC 3720, section B.4).
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// Rotated and offset, because the checksum of data that contains its own checksum is weak.
  package static func masked(_ bytes: [UInt8]) -> UInt32 {
    let value = checksum(bytes)
    return (value >> 15 | value << 17) &+ 0xA282_EAD8
  }
}

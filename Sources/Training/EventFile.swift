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
    var version = ProtocolMessage()
    version.add(1, double: now)
    version.add(3, text: "brain.Event:2")
    try append(version)
    if step > 0 {
      var start = ProtocolMessage()
      start.add(1, integer: 1)
      var event = ProtocolMessage()
      event.add(1, double: now)
      event.add(2, integer: step)
      event.add(7, message: start)
      try append(event)
    }
  }

  /// Adds a number to the curve called `tag`.
  public func add(_ tag: String, _ value: Double, step: Int) throws(FileError) {
    try add([(tag, value)], step: step)
  }

  /// Adds a number to each of several curves, in one event.
  public func add(_ values: [(tag: String, value: Double)], step: Int) throws(FileError) {
    var summary = ProtocolMessage()
    for (tag, number) in values {
      var value = ProtocolMessage()
      value.add(1, text: tag)
      value.add(2, float: Float(number))
      summary.add(1, message: value)
    }
    var event = ProtocolMessage()
    event.add(1, double: clock())
    event.add(2, integer: step)
    event.add(5, message: summary)
    try append(event)
  }

  private func append(_ event: ProtocolMessage) throws(FileError) {
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

/// The bytes of a protocol-buffer message, field by field.
struct ProtocolMessage {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, integer value: Int) {
    key(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, double value: Double) {
    key(field, 1)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, float value: Float) {
    key(field, 5)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func add(_ field: Int, text: String) { add(field, content: Array(text.utf8)) }

  mutating func add(_ field: Int, message: ProtocolMessage) { add(field, content: message.bytes) }

  private mutating func add(_ field: Int, content: [UInt8]) {
    key(field, 2)
    varint(UInt64(content.count))
    bytes += content
  }

  private mutating func key(_ field: Int, _ wireType: Int) { varint(UInt64(field << 3 | wireType)) }

  /// Seven bits a byte, the lowest first.
  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// The checksum of TFRecords: CRC-32 with Castagnoli's polynomial (RFC 3720, section B.4).
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// Turned and shifted, because the checksum of data that contains its own checksum is weak.
  package static func masked(_ bytes: [UInt8]) -> UInt32 {
    let value = checksum(bytes)
    return (value >> 15 | value << 17) &+ 0xA282_EAD8
  }
}

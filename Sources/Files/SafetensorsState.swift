/// Named arrays in one safetensors file, or in several that an index lists.
///
/// An index is a JSON object whose `weight_map` says for every array which file holds it, as large models are
/// published:
///
///     {"metadata": {"total_size": 832}, "weight_map": {"conv1.weight": "model-00001-of-00002.safetensors"}}
///
/// The files lie in the folder of the index; names that lead out of it are refused.
public struct SafetensorsState: Sendable {
  /// The arrays of all files, file by file in the order of their bytes.
  public let entries: [SafetensorsEntry]
  /// The texts stored with them. Where files differ, the first counts.
  public let metadata: [String: String]

  private let files: [SafetensorsFile]
  /// The beginning that the names have in the files, and not here.
  private let prefix: String
  /// For every name the file, and the place in `entries`.
  private let places: ExactNames<(file: Int, entry: Int)>

  /// The longest index that is read, in bytes.
  static let maximumIndexByteCount = 100_000_000

  /// The arrays of one file.
  public init(_ file: SafetensorsFile) {
    self.init([file], prefix: "", metadata: [:])
  }

  /// Opens the safetensors file, or the index when the name ends in `.json`, at `path`. None of the files may be
  /// shortened while this value exists.
  ///
  /// - Throws: `FileError` with everything that is wrong with the file, or with the index and its files.
  public init(path: String) throws(FileError) {
    guard path.lowercased().hasSuffix(".json") else {
      self.init(try SafetensorsFile(path: path))
      return
    }
    let index = try SafetensorsIndex(path: path)
    self.init(try index.files(), prefix: "", metadata: index.metadata)
  }

  /// The arrays whose names begin with `prefix`, called by the rest of their names.
  public func under(_ prefix: String) -> SafetensorsState {
    SafetensorsState(files, prefix: self.prefix + prefix, metadata: metadata)
  }

  /// The arrays under `prefix` of files that have no name in common.
  private init(_ files: [SafetensorsFile], prefix: String, metadata: [String: String]) {
    var entries: [SafetensorsEntry] = []
    var places = ExactNames<(file: Int, entry: Int)>()
    for (number, file) in files.enumerated() {
      for entry in file.entries {
        guard let name = entry.name.afterExactPrefix(prefix) else { continue }
        places[name] = (number, entries.count)
        entries.append(
          SafetensorsEntry(
            name: name, dtype: entry.dtype, shape: entry.shape, byteRange: entry.byteRange))
      }
    }
    self.files = files
    self.prefix = prefix
    self.entries = entries
    self.places = places
    self.metadata = files.reduce(into: metadata) { $0.merge($1.metadata) { first, _ in first } }
  }

  /// The entry called `name`, or nil when there is none.
  public subscript(name: String) -> SafetensorsEntry? {
    places[name].map { entries[$0.entry] }
  }

  /// What is wrong with the bytes of `entry`, by its checksum; nil where they are intact or there is none.
  package func damage(of entry: SafetensorsEntry) -> String? {
    guard let place = places[entry.name], let stored = files[place.file][prefix + entry.name] else {
      return nil
    }
    return files[place.file].damage(of: stored)
  }

  /// Calls `body` with the bytes of `entry`, which are valid during the call only and need not be aligned for
  /// their type.
  ///
  /// - Precondition: `entry` is of this state.
  public func withUnsafeBytes<Result, Failure: Error>(
    of entry: SafetensorsEntry, file: StaticString = #fileID, line: UInt = #line,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let place = places[entry.name],
      let stored = files[place.file][prefix + entry.name]
    else {
      fatalError(
        "SafetensorsState: entry \(entry.name) is of another state", file: file, line: line)
    }
    return try files[place.file].withUnsafeBytes(of: stored, file: file, line: line, body)
  }
}

/// The index of arrays that lie in several files.
struct SafetensorsIndex {
  /// The names of the files, sorted.
  private let fileNames: [String]
  /// The texts of its `metadata`.
  let metadata: [String: String]

  private let path: String
  private let weightMap: [(name: String, file: String)]

  init(path: String) throws(FileError) {
    self.path = path
    let bytes = try InputFile(path: path).readToEnd(
      limit: SafetensorsState.maximumIndexByteCount)
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw FileError(path: path, cause: .json(error))
    }
    guard let map = json["weight_map"]?.object else {
      throw Self.refused(path, ["weight_map is missing or not an object: is this an index?"])
    }
    var problems: [String] = []
    var weightMap: [(name: String, file: String)] = []
    var names = ExactNameSet()
    for member in map.members {
      guard let file = member.value.string else {
        problems.append("\(quoted(member.key)) is \(member.value.kind), but must name a file")
        continue
      }
      guard Self.isPlainName(file) else {
        problems.append(
          "\(quoted(member.key)) is in \(quoted(file)), which is no file name of this folder")
        continue
      }
      weightMap.append((member.key, file))
      names.insert(file)
    }
    if map.members.isEmpty { problems.append("weight_map is empty") }
    guard problems.isEmpty else { throw Self.refused(path, problems) }
    var texts: [String: String] = [:]
    for member in json["metadata"]?.object?.members ?? [] {
      if let text = member.value.string { texts[member.key] = text }
    }
    metadata = texts
    self.weightMap = weightMap
    fileNames = names.sorted
  }

  /// The files, opened and compared with the map.
  func files() throws(FileError) -> [SafetensorsFile] {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? ""
    var files: [SafetensorsFile] = []
    var problems: [String] = []
    for name in fileNames {
      do throws(FileError) {
        files.append(try SafetensorsFile(path: folder + name))
      } catch {
        problems.append("\(quoted(name)) \(error.cause)")
      }
    }
    guard problems.isEmpty else { throw Self.refused(path, problems) }
    try check(files)
    return files
  }

  /// Compares the map with what the files hold, which are in the order of `fileNames`.
  private func check(_ files: [SafetensorsFile]) throws(FileError) {
    var problems: [String] = []
    let numbers = ExactNames(zip(fileNames, files.indices))
    var expected = ExactNames<String>()
    for (name, file) in weightMap {
      expected[name] = file
      guard let number = numbers[file], files[number][name] == nil else { continue }
      let other = files.firstIndex { $0[name] != nil }.map { "; it is in \(quoted(fileNames[$0]))" }
      problems.append("\(quoted(name)) is not in \(quoted(file))\(other ?? "")")
    }
    for (number, file) in files.enumerated() {
      for entry in file.entries
      where expected[entry.name]?.isExactly(fileNames[number]) != true {
        guard let place = expected[entry.name] else {
          problems.append(
            "\(quoted(entry.name)) of \(quoted(fileNames[number])) is not in the weight_map")
          continue
        }
        // Where the map's own file lacks it, that has been said already.
        if numbers[place].map({ files[$0][entry.name] != nil }) == true {
          problems.append(
            "\(quoted(entry.name)) is in \(quoted(place)) and in \(quoted(fileNames[number]))")
        }
      }
    }
    guard problems.isEmpty else { throw Self.refused(path, problems) }
  }

  /// Whether `name` can be nothing but a file in the same folder.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value == 0 }
  }

  private static func refused(_ path: String, _ problems: [String]) -> FileError {
    FileError(path: path, cause: .malformed(format: "safetensors index", problems: problems))
  }
}

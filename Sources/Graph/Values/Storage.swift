import CTapestryKernels

/// The memory of one or more tensors (a reshape shares it), aligned to 64 bytes.
///
/// Small blocks lie in the same allocation as the object, large ones come from the kernels' pool.
/// Written only while one reference exists: by the kernel that fills it before
/// the tensor is published, and by an optimizer or a walk that found itself the only holder. Tensors rely on that.
package final class Storage: ManagedBuffer<Storage.Header, UInt8> {
  package struct Header {
    fileprivate var pointer: UnsafeMutableRawPointer
    fileprivate var byteCount: Int
    fileprivate var isPooled: Bool
  }

  /// Up to here data lies behind the object's header.
  private static let inlineLimit = 1024
  private static let alignment = 64

  /// Memory of the machine in bytes; without limit where it cannot be known.
  private static let machineByteCount: Int = {
    let count = Int(tapestry_machine_memory())
    return count > 0 ? count : .max
  }()

  /// `byteCount` uninitialised bytes.
  static func make(byteCount: Int) -> Storage {
    if byteCount > machineByteCount {
      trapAtCaller(
        "a tensor of \(gigabytes(byteCount)) does not fit into this machine, which has"
          + " \(gigabytes(machineByteCount)) of memory")
    }
    LiveCounters.add(bytes: byteCount)
    if byteCount > inlineLimit {
      let block = tapestry_allocate(byteCount)!
      let storage = create(minimumCapacity: 0) { _ in
        Header(pointer: block, byteCount: byteCount, isPooled: true)
      }
      return unsafeDowncast(storage, to: Storage.self)
    }
    let storage = create(minimumCapacity: byteCount + alignment - 1) { buffer in
      let start = buffer.withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
      let aligned = start.alignedUp(toMultipleOf: alignment)
      return Header(pointer: aligned, byteCount: byteCount, isPooled: false)
    }
    return unsafeDowncast(storage, to: Storage.self)
  }

  var pointer: UnsafeMutableRawPointer {
    withUnsafeMutablePointerToHeader { $0.pointee.pointer }
  }
  package var byteCount: Int { withUnsafeMutablePointerToHeader { $0.pointee.byteCount } }

  deinit {
    withUnsafeMutablePointerToHeader { header in
      LiveCounters.remove(bytes: header.pointee.byteCount)
      if header.pointee.isPooled {
        tapestry_release(header.pointee.pointer, header.pointee.byteCount)
      }
    }
  }
}

/// `34 GB`, rounded up.
private func gigabytes(_ bytes: Int) -> String { "\(bytes / 1_000_000_000 + 1) GB" }

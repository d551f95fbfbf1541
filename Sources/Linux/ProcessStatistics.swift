import Base
import CLinux

/// What the kernel says about this process. Reads files of `/proc`: not on the hot path.
extension ProcessResources {
    /// The resident memory, in bytes; nil where `/proc` can't be read.
    package static var residentBytes: UInt64? {
        let number = portcullis_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0)
        guard number >= 0 else { return nil }
        let file = FileDescriptor(adopting: number)
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer -> UInt64? in
            guard let count = try? file.read(into: buffer) else { return nil }
            // Pages: all, resident, shared and so on, with spaces between.
            let text = ByteView(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            guard let start = text.firstIndex(of: ASCII.space).map({ $0 + 1 }),
                let end = text.firstIndex(of: ASCII.space, from: start),
                let pages = text[start..<end].decimalValue()
            else { return nil }
            return UInt64(pages) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        }
    }

    /// The open file descriptors; nil where `/proc` can't be read.
    package static var openDescriptorCount: UInt64? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..` and the descriptor that this reading took.
        return count >= 3 ? count - 3 : 0
    }
}

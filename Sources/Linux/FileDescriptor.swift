import Base
import CLinux

/// An open file descriptor with exactly one owner: it is closed when the owner goes away.
package struct FileDescriptor: ~Copyable {
    /// The descriptor's number, for system calls; never kept beyond the owner's life.
    package let number: Int32

    /// Takes ownership of `number`.
    package init(adopting number: Int32) { self.number = number }

    deinit { _ = CLinux.close(number) }

    /// Gives the number up to a new owner.
    package consuming func release() -> Int32 {
        let released = number
        discard self
        return released
    }
}

extension FileDescriptor {
    /// Opens a file for appending, making it (mode 0640) when it isn't there. The corresponding C function is `open`.
    package static func openForAppending(path: String) throws(Errno) -> FileDescriptor {
        let number = try retryingOnInterrupt {
            Int(portcullis_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640))
        }
        return FileDescriptor(adopting: Int32(number))
    }

    /// Reads at most `buffer.count` bytes; 0 is the end of the file. The corresponding C function is `read`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try retryingOnInterrupt { CLinux.read(number, buffer.baseAddress, buffer.count) }
    }
}

/// The bytes of a file; nil when there are more than `bytesMax`. Blocks: for small files of the configuration only.
package func readFile(path: String, bytesMax: Int) throws(Errno) -> [UInt8]? {
    let number = try retryingOnInterrupt { Int(portcullis_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)) }
    let descriptor = FileDescriptor(adopting: Int32(number))
    var content = IOBuffer()
    while true {
        content.reserve(16 * 1024)
        let count = try descriptor.read(into: content.writable)
        if count == 0 { return Array(content.readable.raw) }
        content.commit(count)
        if content.readableCount > bytesMax { return nil }
    }
}

/// When a file's content was last changed, in seconds since 1970; links are followed. The corresponding C function is
/// `stat`.
package func fileTime(path: String) throws(Errno) -> Int64 {
    var status = stat()
    _ = try retryingOnInterrupt { Int(stat(path, &status)) }
    return Int64(status.st_mtim.tv_sec)
}

/// Writes to a descriptor that somebody else owns, such as standard output. The corresponding C function is `write`.
package func write(to number: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    try retryingOnInterrupt { CLinux.write(number, bytes.baseAddress, bytes.count) }
}

/// Blocks until a descriptor that somebody else owns takes output again. The corresponding C function is `poll`.
package func waitForOutput(_ number: Int32, atMost limit: TimeAmount) {
    var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    _ = poll(&entry, 1, Int32(clamping: max(0, limit.milliseconds)))
}

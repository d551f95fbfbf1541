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
    /// Opens a file for appending, making it (mode 0640) when it isn't there. Never waits: a pipe that nobody reads
    /// from can't be opened (ENXIO), and one whose reader stands still takes no more at some point (EAGAIN). The
    /// corresponding C function is `open`.
    package static func openForAppending(path: String) throws(Errno) -> FileDescriptor {
        let number = try retryingOnInterrupt {
            Int(portcullis_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640))
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
    return try readAll(descriptor.number, bytesMax: bytesMax)
}

/// What standard input holds until its end; nil when there are more bytes than `bytesMax`. Blocks.
package func readStandardInput(bytesMax: Int) throws(Errno) -> [UInt8]? { try readAll(0, bytesMax: bytesMax) }

private func readAll(_ number: Int32, bytesMax: Int) throws(Errno) -> [UInt8]? {
    var content = IOBuffer()
    while true {
        content.reserve(16 * 1024)
        let memory = content.writable
        let count = try retryingOnInterrupt { CLinux.read(number, memory.baseAddress, memory.count) }
        if count == 0 { return Array(content.readable.raw) }
        content.commit(count)
        if content.readableCount > bytesMax { return nil }
    }
}

/// Makes a file that is not there yet, with this content, and has it written to the disk. A file that is there,
/// whatever it is, stays as it was (EEXIST); one that can't be written whole is removed. The corresponding C functions
/// are `open`, `write` and `fsync`.
/// - Parameter isPrivate: for its owner alone (mode 0600); otherwise others may read it (0644).
package func createFile(path: String, _ content: ByteView, isPrivate: Bool) throws(Errno) {
    let number = try retryingOnInterrupt {
        Int(
            portcullis_open(
                path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, isPrivate ? 0o600 : 0o644))
    }
    let descriptor = FileDescriptor(adopting: Int32(number))
    do throws(Errno) {
        var rest = content
        while !rest.isEmpty { rest = rest.from(try write(to: descriptor.number, rest.raw)) }
        _ = try retryingOnInterrupt { Int(fsync(descriptor.number)) }
    } catch {
        unlink(path)
        throw error
    }
}

/// When a file's content was last changed, in seconds since 1970; links are followed. The corresponding C function is
/// `stat`.
package func fileTime(path: String) throws(Errno) -> Int64 {
    var status = stat()
    _ = try retryingOnInterrupt { Int(stat(path, &status)) }
    return Int64(status.st_mtim.tv_sec)
}

/// Whether both descriptors, which somebody else owns, lead to the same file, pipe or device. The corresponding C
/// function is `fstat`.
package func leadToSameFile(_ first: Int32, _ second: Int32) -> Bool {
    var left = stat()
    var right = stat()
    guard fstat(first, &left) == 0, fstat(second, &right) == 0 else { return false }
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino
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

/// The path of the program that runs, as the kernel has it; nil when it can't say. The corresponding C function is
/// `readlink`.
package func programPath() -> String? { realPath("/proc/self/exe") }

/// The path without links and dots; nil when there is no such file. The corresponding C function is `realpath`.
package func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
}

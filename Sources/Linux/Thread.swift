import CLinux

/// An operating system thread.
package enum Thread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a detached thread.
    /// - Parameter name: shown by `ps` and debuggers, at most 15 bytes.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let start = Unmanaged.passRetained(
            Start {
                portcullis_name_thread(String(name.prefix(15)))
                body()
            })
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw Errno(code: result)
        }
        pthread_detach(thread)
    }
}

/// What the process may use and does use.
package enum ProcessResources {
    /// The processors that this process may run on, as `taskset` or a container's cpuset leave them; at least 1.
    package static var usableProcessorCount: Int {
        var mask = InlineArray<128, UInt8>(repeating: 0)
        let size = MemoryLayout.size(ofValue: mask)
        guard portcullis_affinity(&mask, size) > 0 else { return 1 }
        return max(1, mask.indices.reduce(0) { $0 + mask[$1].nonzeroBitCount })
    }

    /// Raises the soft limit of open files to the hard one and returns it. The C function is `setrlimit`.
    package static func raiseOpenFileLimit() -> Int {
        var limit = rlimit()
        guard portcullis_open_file_limit(&limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = portcullis_set_open_file_limit(&limit)
            _ = portcullis_open_file_limit(&limit)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Has the allocator keep up to 4 MiB of freed memory for the next time, instead of giving it back to the kernel
    /// and having each page faulted in again: what one reload frees is what the next one needs. The C function is
    /// `mallopt`.
    package static func keepFreedMemory() {
        let size: Int32 = 4 * 1024 * 1024
        _ = mallopt(M_TRIM_THRESHOLD, size)
        // Setting one of them ends glibc's own guessing about both.
        _ = mallopt(M_MMAP_THRESHOLD, size)
    }

    /// Opens `/dev/null` in place of standard streams that the process was started without, so that no file or socket
    /// of its own becomes one: descriptors are given out from the lowest. In the wrong direction, so that whoever reads
    /// or writes there learns of it (EBADF). Before anything else.
    package static func openMissingStandardStreams() {
        for number in Int32(0)...2 where !portcullis_is_open(number) {
            guard portcullis_open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY, 0) == number else { return }
        }
    }

    /// Ends the process at once with `status`. The corresponding C function is `_exit`.
    package static func exit(status: Int32) -> Never { CLinux._exit(status) }
}

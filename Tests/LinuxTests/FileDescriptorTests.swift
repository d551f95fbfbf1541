import Base
import Glibc
import Linux
import Testing

/// Whether this process has `number` open.
private func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }

/// A new descriptor that nobody else in this process can be given meanwhile: far above those that other tests open.
private func highDescriptor(above floor: Int32) throws -> Int32 {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    try #require(null >= 0)
    defer { close(null) }
    let number = fcntl(null, F_DUPFD_CLOEXEC, floor)
    try #require(number >= floor)
    return number
}

@Suite("File descriptors")
struct FileDescriptorTests {
    @Test("a descriptor is closed when its owner goes away")
    func closing() throws {
        let number = try highDescriptor(above: 700)
        do {
            let descriptor = FileDescriptor(adopting: number)
            #expect(descriptor.number == number)
            #expect(isOpen(number))
        }
        #expect(!isOpen(number))
    }

    @Test("a released descriptor stays open for its new owner")
    func releasing() throws {
        let number = try highDescriptor(above: 800)
        do {
            let descriptor = FileDescriptor(adopting: number)
            #expect(descriptor.release() == number)
        }
        #expect(isOpen(number))
        close(number)
    }

    @Test("reading a file ends with 0, reading what can't be read throws the error number")
    func reading() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
        defer { buffer.deallocate() }
        let null = FileDescriptor(adopting: open("/dev/null", O_RDONLY))
        let count = try null.read(into: buffer)
        #expect(count == 0)
        let writeOnly = FileDescriptor(adopting: open("/dev/null", O_WRONLY))
        #expect(throws: Errno(code: EBADF)) { try writeOnly.read(into: buffer) }
    }

    @Test("a file is opened for appending and made when it isn't there; a folder is refused")
    func appending() throws {
        var template = Array("/tmp/linux-tests-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = folder + "/log"
        defer {
            unlink(path)
            rmdir(folder)
        }
        for text in ["one\n", "two\n"] {
            let file = try FileDescriptor.openForAppending(path: path)
            let count = try text.withByteView { bytes throws(Errno) in try Linux.write(to: file.number, bytes.raw) }
            #expect(count == 4)
        }
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_size == 8)
        #expect(throws: Errno(code: EISDIR)) { _ = try FileDescriptor.openForAppending(path: folder).number }
        #expect(throws: Errno.notFound) { _ = try FileDescriptor.openForAppending(path: folder + "/a/b").number }
        try #require(mkfifo(folder + "/pipe", 0o600) == 0)
        defer { unlink(folder + "/pipe") }
        #expect(throws: Errno.noDevice) { _ = try FileDescriptor.openForAppending(path: folder + "/pipe").number }
        let reader = FileDescriptor(adopting: open(folder + "/pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
        let pipe = try FileDescriptor.openForAppending(path: folder + "/pipe")
        #expect(leadToSameFile(pipe.number, reader.number))
        #expect(!leadToSameFile(pipe.number, 0))
        #expect(throws: Errno.again) {
            while true { try "full".withByteView { bytes in _ = try Linux.write(to: pipe.number, bytes.raw) } }
        }
    }
}

@Suite("Error numbers")
struct ErrnoTests {
    @Test(
        "the names stand for the kernel's numbers",
        arguments: [
            (Errno.again, EAGAIN), (.interrupted, EINTR), (.inProgress, EINPROGRESS), (.addressInUse, EADDRINUSE),
            (.connectionRefused, ECONNREFUSED), (.timedOut, ETIMEDOUT), (.notFound, ENOENT), (.noDevice, ENXIO),
            (.exists, EEXIST), (.outOfMemory, ENOMEM),
        ] as [(Errno, Int32)])
    func numbers(error: Errno, code: Int32) {
        #expect(error.code == code)
        #expect(error == Errno(code: code))
        #expect(!error.description.isEmpty)
    }

    @Test("the last error number is the calling thread's")
    func last() {
        close(-1)
        #expect(Errno.last == Errno(code: EBADF))
    }
}

@Suite("Semaphores", .timeLimit(.minutes(1)))
struct CountingSemaphoreTests {
    @Test("each signal lets one waiter on, and no more")
    func counting() {
        let semaphore = CountingSemaphore()
        #expect(!semaphore.wait(atMost: .zero))
        semaphore.signal()
        semaphore.signal()
        #expect(semaphore.wait(atMost: .zero))
        #expect(semaphore.wait(atMost: .seconds(5)))
        #expect(!semaphore.wait(atMost: .zero))
    }

    @Test("waiting ends in time when nobody signals", arguments: [-1_000, 0, 1, 30] as [Int64])
    func timeOut(milliseconds: Int64) {
        let semaphore = CountingSemaphore()
        let begun = SystemClock.monotonic()
        #expect(!semaphore.wait(atMost: .milliseconds(milliseconds)))
        let took = SystemClock.monotonic() - begun
        // The two clocks may differ by a little.
        #expect(took >= .milliseconds(max(0, milliseconds) - 5))
    }

    @Test("a waiter is woken from another thread, however long it would have waited")
    func acrossThreads() throws {
        let (there, back) = (CountingSemaphore(), CountingSemaphore())
        try Thread.start(name: "a name that is longer than the kernel's limit") {
            there.wait(atMost: .seconds(30))
            back.signal()
        }
        there.signal()
        #expect(back.wait(atMost: TimeAmount(nanoseconds: .max)))
    }
}

@Suite("Event counters")
struct EventCounterTests {
    @Test("signals make it readable until it is cleared")
    func signalling() throws {
        let counter = try EventCounter()
        let epoll = try Epoll()
        try epoll.add(counter.number, events: .readable, token: 42)
        #expect(epoll.wait(timeoutMilliseconds: 0) == 0)
        counter.signal()
        counter.signal()
        #expect(epoll.wait(timeoutMilliseconds: 0) == 1)
        #expect(epoll.event(at: 0).token == 42)
        #expect(epoll.event(at: 0).events.has(anyOf: .readable))
        counter.clear()
        #expect(epoll.wait(timeoutMilliseconds: 0) == 0)
        counter.clear()
        counter.signal()
        #expect(epoll.wait(timeoutMilliseconds: 0) == 1)
        epoll.remove(counter.number)
        #expect(epoll.wait(timeoutMilliseconds: 0) == 0)
    }

    @Test("the same descriptor can't be watched twice")
    func twice() throws {
        let counter = try EventCounter()
        let epoll = try Epoll()
        try epoll.add(counter.number, events: .readable, token: 1)
        #expect(throws: Errno(code: EEXIST)) { try epoll.add(counter.number, events: .readable, token: 2) }
    }
}

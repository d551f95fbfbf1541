import CLinux

/// An error number as the kernel gives it.
package struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// The calling thread's last error number.
    package static var last: Errno { Errno(code: portcullis_errno()) }

    package static var again: Errno { Errno(code: EAGAIN) }
    package static var interrupted: Errno { Errno(code: EINTR) }
    package static var inProgress: Errno { Errno(code: EINPROGRESS) }
    package static var addressInUse: Errno { Errno(code: EADDRINUSE) }
    package static var connectionRefused: Errno { Errno(code: ECONNREFUSED) }
    package static var timedOut: Errno { Errno(code: ETIMEDOUT) }
    package static var notFound: Errno { Errno(code: ENOENT) }
    /// A pipe that nobody reads from, or a device that isn't there.
    package static var noDevice: Errno { Errno(code: ENXIO) }
    package static var exists: Errno { Errno(code: EEXIST) }
    package static var outOfMemory: Errno { Errno(code: ENOMEM) }

    /// The C library's text for the number.
    package var description: String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}

/// Calls `body` until it isn't interrupted by a signal; a negative result becomes the thrown error number.
@inline(__always)
func retryingOnInterrupt(_ body: () -> Int) throws(Errno) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = Errno.last
        if error != .interrupted { throw error }
    }
}

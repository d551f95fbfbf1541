import Base
import Linux
import Observability

/// Where a log goes.
///
/// A file is never waited for when it is opened, and a pipe whose reader stands still not by the kernel when it is
/// written to: `LogWriter` does, and so can be ended or led elsewhere meanwhile.
final class LogFile: LogSink {
    /// Nil for a standard stream, which can't be reopened.
    private let path: String?
    /// The descriptor in use. Only the writer's thread changes it.
    private let descriptor: Lock<Int32>
    /// Told when the file can't be opened anew.
    private let reopeningFailed: @Sendable (Errno) -> Void
    /// Held while a batch is written: two logs may go to one standard stream.
    private let turn = Lock<Void>(())

    private init(
        path: String?, descriptor: Int32, reopeningFailed: @escaping @Sendable (Errno) -> Void = { _ in }
    ) {
        self.path = path
        self.descriptor = Lock(descriptor)
        self.reopeningFailed = reopeningFailed
    }

    /// A stream of the process. All logs that go there must have the same one of these.
    static func stream(_ number: Int32) -> LogFile { LogFile(path: nil, descriptor: number) }

    /// - Parameter reopeningFailed: called by the writer's thread with what is wrong.
    static func file(
        _ path: String, reopeningFailed: @escaping @Sendable (Errno) -> Void
    ) throws(Errno) -> LogFile {
        let descriptor = try FileDescriptor.openForAppending(path: path).release()
        return LogFile(path: path, descriptor: descriptor, reopeningFailed: reopeningFailed)
    }

    deinit {
        if path != nil { _ = FileDescriptor(adopting: descriptor.withLock { $0 }) }
    }

    func write(_ bytes: ByteView) -> LogWriteResult {
        do throws(Errno) {
            return .written(try Linux.write(to: descriptor.withLock { $0 }, bytes.raw))
        } catch {
            return error == .again ? .wouldBlock : .failed
        }
    }

    func waitUntilWritable(for limit: TimeAmount) { waitForOutput(descriptor.withLock { $0 }, atMost: limit) }

    func alone(_ body: () -> Void) { turn.withLock { _ in body() } }

    /// A file that can't be opened leaves the old one in use: better a line in a renamed file than none.
    func reopen() -> Bool {
        guard let path else { return false }
        do throws(Errno) {
            let fresh = try FileDescriptor.openForAppending(path: path).release()
            let old = descriptor.withLock { current in
                let old = current
                current = fresh
                return old
            }
            let closing = FileDescriptor(adopting: old)
            return !leadToSameFile(fresh, closing.number)
        } catch {
            reopeningFailed(error)
            return false
        }
    }
}

/// A log's file can't be opened.
struct LogFailure: Error, CustomStringConvertible {
    /// The field of the configuration: `access_log.file`.
    let field: String
    /// Where it is set: `file:line:column`.
    let place: String
    /// The file, as it may be shown.
    let path: String
    let error: Errno

    var description: String { "\(place): \(field): can't open \(path): \(Self.text(error))" }

    /// The kernel's text for a pipe without a reader would be read as one for a device.
    static func text(_ error: Errno) -> String {
        error == .noDevice ? "\(error) (a pipe needs somebody who reads from it)" : error.description
    }
}

import Base
import Linux

/// Where a command writes.
package struct Console {
    private let output: (String) -> Void
    private let complaint: (String) -> Void
    private let failure: () -> Errno?

    /// - Parameter failure: why a part of the output was lost; nil while none was.
    package init(
        output: @escaping (String) -> Void, complaint: @escaping (String) -> Void,
        failure: @escaping () -> Errno? = { nil }
    ) {
        self.output = output
        self.complaint = complaint
        self.failure = failure
    }

    /// The process's standard output and standard error.
    package static var standard: Console {
        var failure: Errno?
        return Console(
            output: { text in
                // What comes after a gap would be taken for the whole.
                if failure == nil { failure = write(text, to: 1) }
            }, complaint: { _ = write($0, to: 2) }, failure: { failure })
    }

    /// What was asked for.
    package func print(_ text: String) { output(text) }

    /// What is wrong.
    package func complain(_ text: String) { complaint(text) }

    /// Why not all that was printed has arrived; nil if it has.
    package var lostOutput: Errno? { failure() }

    /// - Returns: why not all could be written.
    private static func write(_ text: String, to descriptor: Int32) -> Errno? {
        text.withByteView { bytes in
            var rest = bytes
            while !rest.isEmpty {
                do throws(Errno) {
                    rest = rest.from(try Linux.write(to: descriptor, rest.raw))
                } catch {
                    guard error == .again else { return error }
                    waitForOutput(descriptor, atMost: .seconds(1))
                }
            }
            return nil
        }
    }
}

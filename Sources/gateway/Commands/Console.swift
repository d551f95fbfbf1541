import Base
import Linux

/// Where a command writes.
package struct Console {
    private let output: (String) -> Void
    private let complaint: (String) -> Void

    package init(output: @escaping (String) -> Void, complaint: @escaping (String) -> Void) {
        self.output = output
        self.complaint = complaint
    }

    /// The process's standard output and standard error.
    package static var standard: Console {
        Console(output: { write($0, to: 1) }, complaint: { write($0, to: 2) })
    }

    /// What was asked for.
    package func print(_ text: String) { output(text) }

    /// What is wrong.
    package func complain(_ text: String) { complaint(text) }

    private static func write(_ text: String, to descriptor: Int32) {
        text.withByteView { bytes in
            var rest = bytes
            while !rest.isEmpty {
                do throws(Errno) {
                    rest = rest.from(try Linux.write(to: descriptor, rest.raw))
                } catch {
                    guard error == .again else { return }
                    waitForOutput(descriptor, atMost: .seconds(1))
                }
            }
        }
    }
}

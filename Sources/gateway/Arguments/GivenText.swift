import Base
import JOSE
import Linux

/// Values that a command line gives in words, in a file (`@FILE`) or on standard input (`-`): what stands in words can
/// be read by every user of the machine.
package enum GivenText {
    private static let bytesMax = 1024 * 1024

    /// - Parameter name: what it is, for complaints.
    package static func bytes(_ text: String, of name: String) throws(UsageError) -> [UInt8] {
        guard text == "-" || text.hasPrefix("@") else { return Array(text.utf8) }
        let path = String(text.dropFirst())
        let content: [UInt8]?
        do throws(Errno) {
            content =
                text == "-"
                ? try readStandardInput(bytesMax: bytesMax) : try readFile(path: path, bytesMax: bytesMax)
        } catch {
            throw .unreadable(path.isEmpty ? "standard input" : path, reason: error.description)
        }
        guard let content else { throw .unreadable(path, reason: "it is longer than a \(name) can be") }
        return content
    }

    /// A token out of what people paste: without white space around it, and without `Bearer` before it.
    package static func token(_ bytes: [UInt8]) -> [UInt8] {
        var text = bytes[...]
        func isBlank(_ byte: UInt8) -> Bool { ASCII.isWhitespace(byte) || byte == ASCII.cr || byte == ASCII.lf }
        while let first = text.first, isBlank(first) { text.removeFirst() }
        while let last = text.last, isBlank(last) { text.removeLast() }
        let scheme = "bearer ".utf8
        if text.count > scheme.count, zip(text, scheme).allSatisfy({ $0 | 0x20 == $1 }) {
            text.removeFirst(scheme.count)
        }
        return Array(text)
    }

    /// Why the text is no JSON object of claims, or nil.
    package static func problem(inClaims text: [UInt8]) -> String? {
        let document = JSONDocument()
        return text.withUnsafeBytes { bytes in
            do throws(JSONError) {
                let value = try document.read(ByteView(bytes), limits: .claims)
                return value.isObject ? nil : "a JSON object such as {\"sub\":\"ann\"}"
            } catch {
                return "a JSON object such as {\"sub\":\"ann\"}: \(error.text)"
            }
        }
    }
}

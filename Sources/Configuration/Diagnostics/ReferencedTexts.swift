import Base

/// What came out of `${env:…}` and `${file:…}` in one load, so that nothing that is said about the configuration shows
/// it.
///
/// Whoever writes a message about a value may forget where the value came from; here it is known, and all messages
/// pass.
package struct ReferencedTexts: Sendable {
    /// Longest first, in lower case: a text within another one must not break it up.
    private var texts: [[UInt8]] = []

    /// Nothing came out of references.
    package init() {}

    /// Adds texts: the values of references, and the values of keys that hold them.
    mutating func add(_ found: some Sequence<[UInt8]>) {
        var all = Set(texts)
        for bytes in found {
            // A long value is shown in part.
            let text = String(decoding: bytes, as: UTF8.self)
            for limit in Visible.limits { all.insert(Self.lowercased(Visible.text(text, limit: limit))) }
        }
        all.remove([])
        texts = all.sorted { ($0.count, $1.debugDescription) > ($1.count, $0.debugDescription) }
    }

    /// The finding without any of the texts.
    package func masked(_ finding: Diagnostic) -> Diagnostic {
        if texts.isEmpty { return finding }
        return Diagnostic(
            finding.severity, at: finding.location, path: finding.path, masked(finding.message),
            expected: finding.expectation.map(masked), suggestion: finding.suggestion.map(masked),
            related: finding.related.map { Diagnostic.Related(location: $0.location, note: masked($0.note)) })
    }

    /// `text` with a mask in place of each of the texts, whatever the case of letters. Of very short ones, which stand
    /// in many a word by chance, only those that are all there is between two backquotes.
    package func masked(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for hidden in texts {
            if hidden.count >= Self.wordLength {
                bytes = Self.replace(hidden, with: Array(EffectiveConfiguration.mask.utf8), in: bytes)
            } else {
                let quote = [UInt8(ascii: "`")]
                bytes = Self.replace(
                    quote + hidden + quote, with: Array("`\(EffectiveConfiguration.mask)`".utf8), in: bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Fewer bytes than this say next to nothing, and would mask half of every message.
    private static let wordLength = 4

    private static func replace(_ hidden: [UInt8], with mask: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= hidden.count else { return bytes }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let isHidden =
                index + hidden.count <= bytes.count
                && zip(bytes[index...], hidden).allSatisfy { ASCII.lowercased($0) == $1 }
            result += isHidden ? mask : [bytes[index]]
            index += isHidden ? hidden.count : 1
        }
        return result
    }

    private static func lowercased(_ text: String) -> [UInt8] { text.utf8.map(ASCII.lowercased) }
}

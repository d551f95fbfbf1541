import Base

/// What came out of `${env:…}` and `${file:…}` in one load, so that nothing that is said about the configuration shows
/// it.
///
/// Whoever writes a message about a value may forget where the value came from; here it is known, and all messages
/// pass.
package struct ReferencedTexts: Sendable {
    /// In the order of their bytes, in lower case; those of `wordLength` bytes and more.
    private var words: [[UInt8]] = []
    /// For each of the words the longest other one that it begins with; -1 for none.
    private var beginnings: [Int32] = []
    /// The first `wordLength` bytes of each word.
    private var heads: Set<UInt32> = []
    /// Those with fewer bytes.
    private var shortTexts: Set<[UInt8]> = []

    /// Nothing came out of references.
    package init() {}

    /// Adds texts: the values of references, and the values of keys that hold them.
    mutating func add(_ found: some Sequence<[UInt8]>) {
        var all = Set(words)
        for bytes in found {
            if bytes.count <= Visible.limits[0], bytes.allSatisfy({ $0 > 0x1f && $0 < 0x7f }) {
                all.insert(bytes.map(ASCII.lowercased))
                continue
            }
            // A long value is shown in part.
            let text = String(decoding: bytes, as: UTF8.self)
            for limit in Visible.limits { all.insert(Self.lowercased(Visible.text(text, limit: limit))) }
        }
        all.remove([])
        shortTexts.formUnion(all.filter { $0.count < Self.wordLength })
        words = all.filter { $0.count >= Self.wordLength }.sorted { $0.lexicographicallyPrecedes($1) }
        heads = Set(words.map { Self.head($0[...]) })
        beginnings = []
        beginnings.reserveCapacity(words.count)
        for word in words {
            var last = beginnings.count - 1
            while last >= 0, !word.starts(with: words[last]) { last = Int(beginnings[last]) }
            beginnings.append(Int32(last))
        }
    }

    /// The finding without any of the texts.
    package func masked(_ finding: Diagnostic) -> Diagnostic {
        if words.isEmpty, shortTexts.isEmpty { return finding }
        return Diagnostic(
            finding.severity, at: finding.location, path: finding.path, masked(finding.message),
            expected: finding.expectation.map(masked), suggestion: finding.suggestion.map(masked),
            related: finding.related.map { Diagnostic.Related(location: $0.location, note: masked($0.note)) })
    }

    /// `text` with a mask in place of each of the texts, whatever the case of letters. Of very short ones, which stand
    /// in many a word by chance, only those that are all there is between two backquotes.
    package func masked(_ text: String) -> String {
        if words.isEmpty, shortTexts.isEmpty { return text }
        let bytes = Array(text.utf8)
        let lowercased = bytes.map(ASCII.lowercased)
        var result: [UInt8] = []
        /// Up to where a text hides what there is.
        var hiddenEnd = 0
        for index in bytes.indices {
            if let count = hiddenCount(at: index, in: lowercased) {
                // One that begins within another is hidden with it.
                if index >= hiddenEnd { result += EffectiveConfiguration.mask.utf8 }
                hiddenEnd = max(hiddenEnd, index + count)
            }
            if index >= hiddenEnd { result.append(bytes[index]) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// How long the longest of the texts is that begins here.
    private func hiddenCount(at index: Int, in bytes: [UInt8]) -> Int? {
        let quote = UInt8(ascii: "`")
        if !shortTexts.isEmpty, index > 0, bytes[index - 1] == quote {
            let few = bytes[index...].prefix(Self.wordLength)
            if let end = few.firstIndex(of: quote), shortTexts.contains(Array(bytes[index..<end])) {
                return end - index
            }
        }
        let rest = bytes[index...]
        guard rest.count >= Self.wordLength, heads.contains(Self.head(rest)) else { return nil }
        // Between a word and any text that begins with it, only words stand that begin with it too.
        var low = 0
        var high = words.count
        while low < high {
            let middle = (low + high) / 2
            if rest.lexicographicallyPrecedes(words[middle]) { high = middle } else { low = middle + 1 }
        }
        var last = low - 1
        while last >= 0, !rest.starts(with: words[last]) { last = Int(beginnings[last]) }
        return last < 0 ? nil : words[last].count
    }

    /// Fewer bytes than this say next to nothing, and would mask half of every message.
    private static let wordLength = 4

    private static func head(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(wordLength).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func lowercased(_ text: String) -> [UInt8] { text.utf8.map(ASCII.lowercased) }
}

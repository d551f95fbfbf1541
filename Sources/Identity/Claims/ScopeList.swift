import Base
import JOSE

/// The scopes of a token as one text, in which spaces separate them (RFC 6749 section 3.3): a view that owns nothing.
///
/// Issuers write scopes as such a string or as an array; `append` makes one of both, once for each token.
package struct ScopeList: Sendable {
    /// The words and the spaces.
    package let text: ByteView

    package init(_ text: ByteView) { self.text = text }

    /// No scopes.
    package init() { text = ByteView() }

    /// Whether `word` is one of the scopes, byte by byte. An empty word never is.
    package func contains(_ word: ByteView) -> Bool {
        if word.isEmpty { return false }
        var words = words
        while let scope = words.next() {
            if scope == word { return true }
        }
        return false
    }

    /// Whether every one of `words` is among the scopes.
    package func containsAll(_ words: [ByteView]) -> Bool { words.allSatisfy { contains($0) } }

    /// Whether at least one of `words` is among the scopes.
    package func containsAny(_ words: [ByteView]) -> Bool { words.contains { contains($0) } }

    package var isEmpty: Bool { text.isEmpty }

    /// The scopes one by one, in order.
    package var words: Words { Words(text) }

    /// Walks a list: `while let word = words.next()`.
    package struct Words {
        private let text: ByteView
        private var start = 0

        init(_ text: ByteView) { self.text = text }

        package mutating func next() -> ByteView? {
            while start < text.count {
                let end = text.firstIndex(of: ASCII.space, from: start) ?? text.count
                let word = text[start..<end]
                start = end + 1
                if !word.isEmpty { return word }
            }
            return nil
        }
    }

    /// Appends the scopes of a token's claims to `buffer`, with one space between each two.
    ///
    /// The first of `paths` that leads to something but null decides. A string is split at spaces; an array's strings
    /// are scopes. What can't be a scope (an element with a space in it, a control character, another type) is left
    /// out: it grants nothing.
    package static func append(from claims: JSONValue, paths: [ClaimPath], to buffer: inout IOBuffer) {
        for path in paths {
            guard let value = path.value(in: claims), !value.isNull else { continue }
            var isFirst = true
            if let text = value.text {
                var words = Words(text)
                while let word = words.next() { append(word, isFirst: &isFirst, to: &buffer) }
            }
            for element in value.elements {
                if let word = element.text { append(word, isFirst: &isFirst, to: &buffer) }
            }
            return
        }
    }

    private static func append(_ word: ByteView, isFirst: inout Bool, to buffer: inout IOBuffer) {
        if word.isEmpty { return }
        var index = 0
        while index < word.count {
            guard word[index] > ASCII.space, word[index] != ASCII.delete else { return }
            index += 1
        }
        if !isFirst { buffer.append(byte: ASCII.space) }
        isFirst = false
        buffer.append(word)
    }
}

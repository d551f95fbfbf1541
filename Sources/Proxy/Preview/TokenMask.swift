import Base
import Configuration
import Plugins

/// Hides tokens in queries that are shown, by the names that the access log goes by. For `explain`; off the hot path.
package struct TokenMask {
    private let texts = TextArena()
    private let names: [ByteView]
    /// The values that were tokens in the client's query; they may come again under another name.
    private var tokens: Set<String> = []

    /// - Parameter query: the client's.
    package init(_ blueprint: Blueprint, query: String) {
        names = blueprint.queryTokenNames.map(texts.keep)
        for piece in Self.pieces(query) where isToken(piece) {
            if let value = Self.value(piece), !value.isEmpty { tokens.insert(String(value)) }
        }
    }

    /// The query with a mask in place of each token.
    package func query(_ text: String) -> String {
        Self.pieces(text).map { piece in
            guard let value = Self.value(piece), isToken(piece) || tokens.contains(String(value)) else {
                return String(piece)
            }
            return piece.dropLast(value.count) + EffectiveConfiguration.mask
        }.joined(separator: "&")
    }

    /// The same for a URL's query.
    package func url(_ text: String) -> String {
        guard let question = text.firstIndex(of: "?") else { return text }
        return text[...question] + query(String(text[text.index(after: question)...]))
    }

    private static func pieces(_ query: String) -> [Substring] {
        query.split(separator: "&", omittingEmptySubsequences: false)
    }

    private static func value(_ piece: Substring) -> Substring? {
        piece.firstIndex(of: "=").map { piece[piece.index(after: $0)...] }
    }

    private func isToken(_ piece: Substring) -> Bool {
        String(piece).withByteView { TokenRemoval.holds($0, anyOf: names) }
    }
}

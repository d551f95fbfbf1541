import Base
import HTTP
import JOSE
import Routing

/// What is done with a value.
package enum TextFunction {
    case lower, base64, hash, urlEscape
    case fallback(ByteView)
}

/// Why a text can't be used.
package enum TextProblem: Equatable, Sendable {
    /// A control character other than a tab.
    case controlCharacter
    /// More than `RenderedTexts` takes.
    case tooLong
}

/// The templates of a transform, compiled into flat arrays: rendering walks them and looks nothing up. One loop's own.
package final class TextTable {
    /// A piece of a template.
    package enum Piece {
        case literal(ByteView)
        case value(TextAttribute, [TextFunction])

        /// Whether no request can make it hold what a field can't. Encodings and small letters change nothing of that.
        fileprivate var isFieldText: Bool {
            switch self {
            case .literal(let text): text.isFieldText
            case .value(let attribute, let functions):
                attribute.isFieldText
                    && functions.allSatisfy { if case .fallback(let text) = $0 { text.isFieldText } else { true } }
            }
        }
    }

    private enum FlatPiece {
        case literal(ByteView)
        case value(TextAttribute, firstFunction: Int, lastFunction: Int)
    }

    private struct Template {
        /// Where its pieces end.
        let end: Int
        /// Whether all that it is made of can stand in a field, whatever the request: only its length is a question.
        let isFieldText: Bool
    }

    private let pieces: [FlatPiece]
    private let functions: [TextFunction]
    private let templates: [Template]
    private let hasher: SHA256Hasher?
    /// What the templates read.
    package let needs: RequestFactSet

    package init(_ given: [[Piece]]) {
        var pieces: [FlatPiece] = []
        var functions: [TextFunction] = []
        var templates: [Template] = []
        var needs: RequestFactSet = []
        for template in given {
            for piece in template {
                switch piece {
                case .literal(let text): pieces.append(.literal(text))
                case .value(let attribute, let own):
                    let first = functions.count
                    functions += own
                    needs.formUnion(attribute.need)
                    pieces.append(.value(attribute, firstFunction: first, lastFunction: functions.count))
                }
            }
            templates.append(Template(end: pieces.count, isFieldText: template.allSatisfy { $0.isFieldText }))
        }
        self.pieces = pieces
        self.functions = functions
        self.templates = templates
        self.needs = needs
        hasher = functions.contains { if case .hash = $0 { true } else { false } } ? SHA256Hasher() : nil
    }

    package var count: Int { templates.count }

    /// Renders all templates, one after the other, into `texts`.
    /// - Parameters:
    ///   - fields: the request's, before any change.
    ///   - parameters: what the path has captured.
    ///   - isLenient: a text that can't be used counts as missing, instead of ending it all.
    /// - Returns: why one of the texts can't be used.
    package func render(
        _ facts: borrowing RequestFacts, fields: borrowing HeaderList, parameters: RouteMatch,
        isLenient: Bool = false, into texts: inout RenderedTexts
    ) -> TextProblem? {
        var index = 0
        var piece = 0
        while index < templates.count {
            let template = templates[index]
            let start = texts.buffer.readableCount
            var isMissing = false
            while piece < template.end, !isMissing {
                switch pieces[piece] {
                case .literal(let text): texts.buffer.append(text)
                case .value(let attribute, let first, let last):
                    let from = texts.buffer.readableCount
                    append(attribute, facts, fields: fields, parameters: parameters, to: &texts.buffer)
                    isMissing = !run(first, last, from: from, &texts.buffer)
                }
                piece += 1
            }
            piece = template.end
            index += 1
            if isMissing {
                texts.finishMissing(from: start)
            } else if let problem = Self.problem(in: texts.buffer.readable, from: start, template) {
                guard isLenient else { return problem }
                texts.finishMissing(from: start)
            } else {
                texts.finish(from: start)
            }
        }
        return nil
    }

    @inline(__always)
    private static func problem(in all: ByteView, from start: Int, _ template: Template) -> TextProblem? {
        let text = all.from(start)
        if text.count > RenderedTexts.lengthMaximum || all.count > RenderedTexts.totalMaximum { return .tooLong }
        return template.isFieldText || text.isFieldText ? nil : .controlCharacter
    }

    // MARK: Values

    @inline(__always)
    private func append(
        _ attribute: TextAttribute, _ facts: borrowing RequestFacts, fields: borrowing HeaderList,
        parameters: RouteMatch, to buffer: inout IOBuffer
    ) {
        switch attribute {
        case .capture(let index): buffer.append(parameters.capture(index, in: facts.path))
        case .field(let name): fields.appendCombinedValue(named: name, to: &buffer)
        case .claim(let index): if let text = facts.identity?.claim(index) { buffer.append(text) }
        case .spiffeID: if let identity = facts.identity { buffer.append(identity.spiffeID) }
        case .tenant: if let identity = facts.identity { buffer.append(identity.tenant) }
        case .requestID: buffer.append(facts.requestID)
        case .clientAddress: facts.client?.append(to: &buffer)
        case .method: buffer.append(facts.method)
        case .host: buffer.append(facts.host)
        case .authority: buffer.append(facts.authority)
        case .fixed(let text): buffer.append(text)
        case .query(let name): Self.appendParameter(name, of: facts.query, to: &buffer)
        case .cookie(let name): if let value = fields.cookie(named: name) { buffer.append(value) }
        }
    }

    private static func appendParameter(_ name: ByteView, of query: ByteView, to buffer: inout IOBuffer) {
        var pairs = QueryPairs(query)
        while let pair = pairs.next() {
            if QueryPairs.decodes(pair.name, to: name) {
                return QueryPairs.appendDecoded(pair.value, to: &buffer)
            }
        }
    }

    // MARK: Functions

    /// Does with the value behind `start` what the functions say. - Returns: whether there is a value in the end.
    @inline(__always)
    private func run(_ first: Int, _ last: Int, from start: Int, _ buffer: inout IOBuffer) -> Bool {
        var hasValue = !Self.isBlank(buffer.readable.from(start))
        var index = first
        while index < last {
            if case .fallback(let text) = functions[index] {
                if !hasValue {
                    buffer.truncate(to: start)
                    buffer.append(text)
                }
                hasValue = true
            } else if hasValue, buffer.readableCount - start <= RenderedTexts.totalMaximum {
                apply(functions[index], from: start, &buffer)
            }
            index += 1
        }
        return hasValue
    }

    /// Whether there is nothing but white space, of which a field would keep nothing.
    @inline(__always)
    private static func isBlank(_ text: ByteView) -> Bool {
        // Hardly any value begins with white space.
        if text.count > 0, text[0] > ASCII.space { return false }
        return text.trimmingWhitespace().isEmpty
    }

    private func apply(_ function: TextFunction, from start: Int, _ buffer: inout IOBuffer) {
        let length = buffer.readableCount - start
        switch function {
        case .lower: buffer.lowercase(from: start)
        case .base64:
            // Room first: the view of the value must not move while it is read.
            buffer.reserve((length + 2) / 3 * 4)
            TextEncoding.appendBase64(buffer.readable.from(start), to: &buffer)
            buffer.remove(length, at: start)
        case .hash:
            guard let digest = hasher?.digest(buffer.readable.from(start)) else { return }
            buffer.truncate(to: start)
            digest.withBytes { buffer.append(hexOf: $0) }
        case .urlEscape:
            buffer.reserve(length * 3)
            TextEncoding.appendEscaped(buffer.readable.from(start), to: &buffer)
            buffer.remove(length, at: start)
        case .fallback: break
        }
    }
}

/// Encodings of the templates' functions.
enum TextEncoding {
    /// RFC 4648 section 4, with padding.
    static func appendBase64(_ bytes: ByteView, to buffer: inout IOBuffer) {
        let alphabet = ByteView("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = bytes[index]
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            buffer.append(byte: alphabet[Int(first >> 2)])
            buffer.append(byte: alphabet[Int((first & 3) << 4 | second >> 4)])
            buffer.append(byte: left > 1 ? alphabet[Int((second & 15) << 2 | third >> 6)] : ASCII.equals)
            buffer.append(byte: left > 2 ? alphabet[Int(third & 63)] : ASCII.equals)
            index += 3
        }
    }

    /// All but unreserved characters as `%XX` (RFC 3986 section 2.3).
    static func appendEscaped(_ bytes: ByteView, to buffer: inout IOBuffer) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen || byte == ASCII.dot
                || byte == ASCII.underscore || byte == UInt8(ascii: "~")
            {
                buffer.append(byte: byte)
            } else {
                buffer.append(byte: ASCII.percent)
                buffer.append(byte: ASCII.hexDigit(byte >> 4))
                buffer.append(byte: ASCII.hexDigit(byte & 15))
            }
        }
    }
}

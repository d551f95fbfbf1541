import Base
import JOSE

/// What a claim must be like, compiled: used by `jwt` for access and by `spiffe` to choose a rule.
///
/// A configured text equals a string claim with exactly its bytes, and an integer or boolean claim whose JSON is that
/// text: `12345` equals `"12345"` and `12345`, but neither `12345.0` nor `"012345"`. Nothing else equals a text.
package struct ClaimCondition {
    package enum Test {
        /// The claim equals the text.
        case equals(ByteView)
        /// The claim equals one of the texts.
        case oneOf([ByteView])
        /// The claim is an array with an element that equals the text, or a string with the text among its words, which
        /// spaces separate.
        case contains(ByteView)
        /// `true`: the claim is there, and not null. `false`: it isn't.
        case present(Bool)
    }

    package let path: ClaimPath
    package let test: Test

    /// - Parameter test: its texts must live as long as the condition.
    package init(path: ClaimPath, test: Test) {
        self.path = path
        self.test = test
    }

    /// Whether the claims fulfil the condition. A claim that is absent fulfils `present: false` and nothing else.
    package func holds(in claims: JSONValue) -> Bool {
        let found = path.value(in: claims)
        switch test {
        case .present(let isWanted): return (found.map { !$0.isNull } ?? false) == isWanted
        case .equals(let text): return found.map { Self.equals($0, text) } ?? false
        case .oneOf(let texts):
            guard let found else { return false }
            return texts.contains { Self.equals(found, $0) }
        case .contains(let text): return found.map { Self.contains($0, text) } ?? false
        }
    }

    private static func equals(_ value: JSONValue, _ text: ByteView) -> Bool {
        switch value.kind {
        case .string: value.text.map { $0 == text } ?? false
        case .true, .false: value.raw == text
        case .number: ClaimText.isInteger(value.raw) && value.raw == text
        case .null, .array, .object: false
        }
    }

    private static func contains(_ value: JSONValue, _ text: ByteView) -> Bool {
        if let words = value.text { return ScopeList(words).contains(text) }
        for element in value.elements where equals(element, text) { return true }
        return false
    }
}

extension [ClaimCondition] {
    /// Whether the claims fulfil all conditions; none are fulfilled by all claims.
    package func hold(in claims: JSONValue) -> Bool { allSatisfy { $0.holds(in: claims) } }
}

/// The text that a claim stands for, in an identity or a tenant: a string's, or an integer's digits.
package enum ClaimText: Sendable {
    case text(ByteView)
    case refused(ClaimTextProblem)

    /// Strings and integers have a text. Booleans, which would make one identity of many callers, have none; nor have
    /// numbers with a fraction or an exponent, which have many spellings.
    package init(_ value: JSONValue?) {
        guard let value else {
            self = .refused(.missing)
            return
        }
        switch value.kind {
        case .string: self = value.text.map { $0.isEmpty ? .refused(.empty) : .text($0) } ?? .refused(.empty)
        case .number: self = Self.isInteger(value.raw) ? .text(value.raw) : .refused(.notInteger)
        case .null: self = .refused(.null)
        case .true, .false: self = .refused(.boolean)
        case .array: self = .refused(.array)
        case .object: self = .refused(.object)
        }
    }

    /// Whether a JSON number is written with digits alone, and a minus sign at most: one spelling for each integer,
    /// however large. `-0` is none.
    static func isInteger(_ number: ByteView) -> Bool {
        var index = number.count > 0 && number[0] == ASCII.hyphen ? 1 : 0
        if index == 1, number.count == 2, number[1] == ASCII.zero { return false }
        while index < number.count {
            guard ASCII.isDigit(number[index]) else { return false }
            index += 1
        }
        return true
    }
}

/// Why a claim has no text.
package enum ClaimTextProblem: Error, Equatable, Sendable {
    /// The claims don't have it.
    case missing
    case null
    /// An empty string.
    case empty
    case boolean
    /// A number with a fraction or an exponent.
    case notInteger
    case array
    case object
}

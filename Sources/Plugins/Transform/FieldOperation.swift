import Base
import HTTP

/// One operation on named fields, compiled. They come in their fixed order: removals, then renames, replacements,
/// settings and additions. Texts must live as long as the operation.
package struct FieldOperation {
    package enum Action {
        case remove
        case rename(to: ByteView)
        /// Only if the name is present.
        case replace(OperationValue)
        /// In place of all that the name has.
        case set(OperationValue)
        case append(OperationValue)
    }

    let name: ByteView
    let known: KnownField
    let action: Action
    /// With `rename`, for header fields: what the new name is.
    let renamed: KnownField
    /// The name's among `NameMarks`, and the new name's.
    let mark: UInt64
    let renamedMark: UInt64

    package init(_ name: ByteView, _ action: Action) {
        self.name = name
        known = KnownField(name: name)
        mark = NameMarks.mark(of: name)
        self.action = action
        let other: ByteView? = if case .rename(let other) = action { other } else { nil }
        renamed = other.map { KnownField(name: $0) } ?? .other
        renamedMark = other.map { NameMarks.mark(of: $0) } ?? 0
    }
}

/// Where an operation's value comes from.
package enum OperationValue {
    case constant(ByteView)
    /// The text of this index in `RenderedTexts`.
    case rendered(Int)

    @inline(__always)
    func text(_ texts: borrowing RenderedTexts) -> ByteView? {
        switch self {
        case .constant(let text): text
        case .rendered(let index): texts[index]
        }
    }
}

extension HeaderList {
    /// Carries out `operations`. A value that is missing leaves its name without value: what a client sent there must not
    /// pass for what the gateway would have said.
    mutating func apply(_ operations: [FieldOperation], _ texts: borrowing RenderedTexts) {
        if operations.isEmpty { return }
        // Most names that operations speak of aren't there: the list isn't searched for those.
        var marks = nameMarks
        var index = 0
        while index < operations.count {
            let operation = operations[index]
            index += 1
            let mayBeThere = marks.mayHold(mark: operation.mark)
            switch operation.action {
            case .remove:
                if mayBeThere { removeAll(named: operation.name, known: operation.known) }
            case .rename(let other):
                guard mayBeThere else { continue }
                rename(operation.name, to: other, known: operation.renamed)
                marks.insert(mark: operation.renamedMark)
            case .replace(let value):
                guard mayBeThere, contains(named: operation.name, known: operation.known) else { continue }
                removeAll(named: operation.name, known: operation.known)
                append(operation, value.text(texts))
            case .set(let value):
                if mayBeThere { removeAll(named: operation.name, known: operation.known) }
                append(operation, value.text(texts))
                marks.insert(mark: operation.mark)
            case .append(let value):
                append(operation, value.text(texts))
                marks.insert(mark: operation.mark)
            }
        }
    }

    @inline(__always)
    private mutating func append(_ operation: FieldOperation, _ value: ByteView?) {
        guard let value else { return }
        append(name: operation.name, value: value.trimmingWhitespace(), known: operation.known)
    }
}

import Base

/// One operation on named header fields or parameters. They come in their fixed order: removals, then renames,
/// replacements, settings and additions. Texts must live as long as the operation.
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
    let action: Action

    /// Whether nothing that a client says under the name is to go further.
    var isExclusive: Bool {
        switch action {
        case .remove, .replace, .set: true
        case .rename, .append: false
        }
    }

    package init(_ name: ByteView, _ action: Action) {
        self.name = name
        self.action = action
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

import Base
import HTTP

/// Operations on header fields, compiled: what can be known of names and values before there is a request is found out
/// once, and fields with constant values are written already.
final class HeaderEdit {
    private enum Action {
        case remove
        /// By its index in `renames`.
        case rename(Int)
        case replace(Value)
        case set(Value)
        case append(Value)
    }

    private enum Value {
        /// By its index in `lines`.
        case line(Int)
        /// The text of this index in `RenderedTexts`.
        case rendered(Int)
    }

    private struct Rename {
        let name: ByteView
        let known: KnownField
        let mark: NameMarks
        /// The names differ in more than the case of letters.
        let isOther: Bool
    }

    private struct Step {
        let name: ByteView
        let known: KnownField
        let mark: NameMarks
        let action: Action
    }

    /// Plain memory, so that a request copies of each step what it needs of it only.
    private let steps: UnsafeMutableBufferPointer<Step>
    private let lines: [FieldLine]
    private let renames: [Rename]
    /// Names that are the gateway's to fill or to keep empty, and that can be spelt with `_`.
    private let spellable: [ByteView]
    /// Holds the lines.
    private let texts: TextArena

    /// - Parameters:
    ///   - given: their texts must live as long as the edit.
    ///   - dropsSpellings: whether names with `_` for `-` go with those that are removed, replaced or set: for
    ///     requests, because servers that read the two as one would take the client's field for the gateway's.
    init(_ given: [FieldOperation], dropsSpellings: Bool = false) {
        let operations = RenameOrder.ordered(given)
        steps = .allocate(capacity: operations.count)
        let texts = TextArena()
        var lines: [FieldLine] = []
        var renames: [Rename] = []
        for (index, operation) in operations.enumerated() {
            let name = operation.name
            func value(_ value: OperationValue) -> Value {
                switch value {
                case .rendered(let index): return .rendered(index)
                case .constant(let text):
                    lines.append(FieldLine(name: name, value: text.trimmingWhitespace(), in: texts))
                    return .line(lines.count - 1)
                }
            }
            let action: Action
            switch operation.action {
            case .remove: action = .remove
            case .rename(let other):
                let known = KnownField(name: other)
                let mark = NameMarks.mark(of: other)
                renames.append(
                    Rename(name: other, known: known, mark: mark, isOther: !name.equalsIgnoringCase(other)))
                action = .rename(renames.count - 1)
            case .replace(let given): action = .replace(value(given))
            case .set(let given): action = .set(value(given))
            case .append(let given): action = .append(value(given))
            }
            let step = Step(name: name, known: KnownField(name: name), mark: NameMarks.mark(of: name), action: action)
            steps.initializeElement(at: index, to: step)
        }
        spellable = operations.filter { dropsSpellings && $0.isExclusive }.map(\.name).filter { name in
            name.firstIndex(of: ASCII.hyphen) != nil
        }
        self.texts = texts
        self.lines = lines
        self.renames = renames
    }

    deinit { steps.deallocate() }

    /// Carries the operations out. A value that is missing leaves its name without value: what a client sent there must
    /// not pass for what the gateway would have said.
    func apply(to fields: inout HeaderList, _ texts: borrowing RenderedTexts) {
        guard var step = steps.baseAddress, !steps.isEmpty else { return }
        let end = step + steps.count
        if !spellable.isEmpty, fields.hasUnderscoredName { removeSpellings(from: &fields) }
        // Most names that operations speak of aren't there: the list isn't searched for those.
        var marks = fields.nameMarks
        while step < end {
            let mayBeThere = marks.mayHold(mark: step.pointee.mark)
            switch step.pointee.action {
            case .remove:
                if mayBeThere { fields.removeAll(named: step.pointee.name, known: step.pointee.known) }
            case .rename(let index):
                guard mayBeThere else { break }
                let rename = renames[index]
                fields.rename(
                    step.pointee.name, known: step.pointee.known, to: rename.name, known: rename.known,
                    displaces: rename.isOther && marks.mayHold(mark: rename.mark))
                marks.insert(mark: rename.mark)
            case .replace(let value):
                guard mayBeThere, fields.contains(named: step.pointee.name, known: step.pointee.known) else { break }
                fields.removeAll(named: step.pointee.name, known: step.pointee.known)
                append(value, of: step, to: &fields, texts)
            case .set(let value):
                if mayBeThere { fields.removeAll(named: step.pointee.name, known: step.pointee.known) }
                append(value, of: step, to: &fields, texts)
                marks.insert(mark: step.pointee.mark)
            case .append(let value):
                append(value, of: step, to: &fields, texts)
                marks.insert(mark: step.pointee.mark)
            }
            step += 1
        }
    }

    @inline(never)
    private func removeSpellings(from fields: inout HeaderList) {
        for name in spellable { fields.removeUnderscored(spellingsOf: name) }
    }

    @inline(__always)
    private func append(
        _ value: Value, of step: UnsafeMutablePointer<Step>, to fields: inout HeaderList,
        _ texts: borrowing RenderedTexts
    ) {
        switch value {
        case .line(let index): fields.append(lines[index])
        case .rendered(let index):
            guard let text = texts[index] else { return }
            fields.append(name: step.pointee.name, value: text.trimmingWhitespace(), known: step.pointee.known)
        }
    }
}

import Base
import HTTP

/// Operations on a query's parameters. Names are compared after decoding; pairs that no operation means keep their
/// bytes and their order. One loop's own.
final class QueryEdit {
    private let operations: [FieldOperation]
    /// With `rename`: whether there is something to rename. With `replace`: whether the one value has been written.
    private var marks: [Bool]
    private var output = IOBuffer()

    /// - Parameter operations: their names are decoded ones.
    init(_ operations: [FieldOperation]) {
        self.operations = operations
        marks = Array(repeating: false, count: operations.count)
    }

    /// The changed query, valid until the next call.
    func apply(to query: ByteView, _ texts: borrowing RenderedTexts) -> ByteView {
        output.removeAll()
        prepare(query)
        var position = 0
        while position < query.count {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: position) ?? query.count
            if end > position { append(query[position..<end], texts) }
            position = end + 1
        }
        for operation in operations {
            switch operation.action {
            case .set(let value), .append(let value): append(operation.name, value.text(texts))
            case .remove, .rename, .replace: break
            }
        }
        return output.readable
    }

    /// Finds out once which names there are to change: a query may hold thousands of pairs.
    private func prepare(_ query: ByteView) {
        for index in operations.indices {
            marks[index] = false
            guard case .rename = operations[index].action else { continue }
            let name = operations[index].name
            if isRemoved(name) { continue }
            var pairs = QueryPairs(query)
            while let pair = pairs.next(), !marks[index] {
                marks[index] = QueryPairs.decodes(pair.name, to: name)
            }
        }
    }

    private func isRemoved(_ name: ByteView) -> Bool {
        operations.contains { if case .remove = $0.action { $0.name == name } else { false } }
    }

    /// Appends what becomes of one pair.
    private func append(_ piece: ByteView, _ texts: borrowing RenderedTexts) {
        let equals = piece.firstIndex(of: ASCII.equals) ?? piece.count
        let name = piece.prefix(equals)
        var newName: ByteView?
        var isDisplaced = false
        for index in operations.indices {
            let operation = operations[index]
            switch operation.action {
            case .remove: if QueryPairs.decodes(name, to: operation.name) { return }
            case .rename(let other):
                if QueryPairs.decodes(name, to: operation.name) {
                    newName = other
                } else if marks[index], QueryPairs.decodes(name, to: other) {
                    // Another parameter takes this name.
                    isDisplaced = true
                }
            case .replace(let value):
                guard !(isDisplaced && newName == nil), isNamed(operation.name, name, newName) else { continue }
                // One pair in place of all, where the first one was.
                if !marks[index] { append(operation.name, value.text(texts)) }
                marks[index] = true
                return
            case .set: if isNamed(operation.name, name, newName) { return }
            case .append: break
            }
        }
        if isDisplaced, newName == nil { return }
        separate()
        guard let newName else { return output.append(piece) }
        TextEncoding.appendEscaped(newName, to: &output)
        output.append(piece.from(equals))
    }

    /// Whether a pair is called `wanted` by now.
    private func isNamed(_ wanted: ByteView, _ name: ByteView, _ newName: ByteView?) -> Bool {
        newName.map { $0 == wanted } ?? QueryPairs.decodes(name, to: wanted)
    }

    private func append(_ name: ByteView, _ value: ByteView?) {
        guard let value else { return }
        separate()
        TextEncoding.appendEscaped(name, to: &output)
        output.append(byte: ASCII.equals)
        TextEncoding.appendEscaped(value, to: &output)
    }

    private func separate() { if !output.isEmpty { output.append(byte: UInt8(ascii: "&")) } }
}

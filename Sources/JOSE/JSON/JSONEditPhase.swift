import Base

/// The operations of one kind, as a tree of the names that lead to their places. A text is written in one walk over
/// both: values to which no name leads are copied as they are.
struct JSONEditPhase {
    private struct Node {
        /// The token, decoded.
        var name: ByteView
        /// The token as a JSON string.
        var quoted: ByteView
        /// What the token means in an array; -1 if it is no index.
        var index: Int
        var children: [Int] = []
        /// Whether an operation ends here.
        var isTarget = false
        /// With `rename`: the new name, decoded and as a JSON string.
        var newName = ByteView()
        var newQuoted = ByteView()
        /// The place of the value.
        var value = -1
    }

    private let kind: JSONEdit.Operation.Kind
    private var nodes: [Node]

    /// - Parameter texts: keeps the names, and must live as long as the phase.
    init(_ kind: JSONEdit.Operation.Kind, _ operations: [JSONEdit.Operation], _ texts: TextArena) {
        self.kind = kind
        nodes = [Node(name: ByteView(), quoted: ByteView(), index: -1)]
        for operation in operations {
            var place = 0
            for token in operation.pointer {
                let name = texts.keep(token)
                if let known = nodes[place].children.first(where: { nodes[$0].name == name }) {
                    place = known
                    continue
                }
                nodes.append(Node(name: name, quoted: Self.quoted(token, texts), index: Self.index(name)))
                nodes[place].children.append(nodes.count - 1)
                place = nodes.count - 1
            }
            nodes[place].isTarget = true
            nodes[place].value = operation.value
            nodes[place].newName = texts.keep(operation.newName)
            nodes[place].newQuoted = Self.quoted(operation.newName, texts)
        }
    }

    private static func quoted(_ text: String, _ texts: TextArena) -> ByteView {
        var buffer = IOBuffer()
        // A String is UTF-8.
        _ = text.withByteView { JSONBytes.append($0, to: &buffer) }
        return texts.keep(buffer.readable)
    }

    /// Digits without leading zeros (RFC 6901 section 4).
    private static func index(_ token: ByteView) -> Int {
        guard token.count == 1 || token.count > 1 && token[0] != ASCII.zero else { return -1 }
        return token.decimalValue() ?? -1
    }

    /// Appends the text of `value`, changed.
    func write(
        _ value: JSONValue, _ values: borrowing JSONEditValues, to output: inout IOBuffer
    ) throws(JSONEditError) {
        try write(value, at: 0, values, &output)
    }

    /// A value with places in it.
    private func write(
        _ value: JSONValue, at place: Int, _ values: borrowing JSONEditValues, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        switch value.kind {
        case .object: try writeObject(value, at: place, values, &output)
        case .array: try writeArray(value, at: place, values, &output)
        case .null, .true, .false, .number, .string:
            if creates, hasValue(below: place, values) { throw .notContainer }
            output.append(value.raw)
        }
    }

    /// Whether what is missing is made.
    private var creates: Bool { kind == .set || kind == .append }

    private func hasValue(below place: Int, _ values: borrowing JSONEditValues) -> Bool {
        for child in nodes[place].children {
            if nodes[child].isTarget, values[nodes[child].value] != nil { return true }
            if hasValue(below: child, values) { return true }
        }
        return false
    }

    // MARK: Objects

    private func writeObject(
        _ object: JSONValue, at place: Int, _ values: borrowing JSONEditValues, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        output.append(byte: ASCII.openBrace)
        var isFirst = true
        var member = object.node + 1
        var left = object.node.pointee.count
        while left > 0 {
            left -= 1
            let name = JSONValue(node: member)
            let value = JSONValue(node: member + 1)
            member += 1 + Int(member[1].span)
            guard let decoded = name.text else { continue }
            try writeMember(decoded, name.raw, value, of: object, at: place, values, &isFirst, &output)
        }
        if creates {
            for child in nodes[place].children where object.member(nodes[child].name) == nil {
                try create(child, values, &isFirst, &output)
            }
        }
        output.append(byte: ASCII.closeBrace)
    }

    private func writeMember(
        _ name: ByteView, _ rawName: ByteView, _ value: JSONValue, of object: JSONValue, at place: Int,
        _ values: borrowing JSONEditValues, _ isFirst: inout Bool, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        guard let child = nodes[place].children.first(where: { nodes[$0].name == name }) else {
            if kind == .rename, isDisplaced(name, in: object, at: place) { return }
            begin(rawName, &isFirst, &output)
            return output.append(value.raw)
        }
        let node = nodes[child]
        guard node.isTarget else {
            if kind == .rename, isDisplaced(name, in: object, at: place) { return }
            begin(rawName, &isFirst, &output)
            return try write(value, at: child, values, &output)
        }
        switch kind {
        case .remove: return
        case .rename:
            begin(node.newQuoted, &isFirst, &output)
            if node.children.isEmpty { output.append(value.raw) } else { try write(value, at: child, values, &output) }
        case .replace, .set:
            guard let new = values[node.value] else { return }
            begin(rawName, &isFirst, &output)
            output.append(new)
        case .append:
            begin(rawName, &isFirst, &output)
            try writeExtended(value, values[node.value], &output)
        }
    }

    /// Whether another member of the object takes this name.
    private func isDisplaced(_ name: ByteView, in object: JSONValue, at place: Int) -> Bool {
        nodes[place].children.contains {
            nodes[$0].isTarget && nodes[$0].newName == name && !(nodes[$0].name == name)
                && object.member(nodes[$0].name) != nil
        }
    }

    private func begin(_ name: ByteView, _ isFirst: inout Bool, _ output: inout IOBuffer) {
        if !isFirst { output.append(byte: ASCII.comma) }
        isFirst = false
        output.append(name)
        output.append(byte: ASCII.colon)
    }

    /// Writes a member that isn't there, with what lies in it; nothing if there are no values for it.
    private func create(
        _ place: Int, _ values: borrowing JSONEditValues, _ isFirst: inout Bool, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        let node = nodes[place]
        if node.isTarget {
            guard let value = values[node.value] else { return }
            begin(node.quoted, &isFirst, &output)
            if kind == .append { output.append(byte: ASCII.openBracket) }
            output.append(value)
            if kind == .append { output.append(byte: ASCII.closeBracket) }
            return
        }
        guard hasValue(below: place, values) else { return }
        begin(node.quoted, &isFirst, &output)
        output.append(byte: ASCII.openBrace)
        var isFirstWithin = true
        for child in node.children { try create(child, values, &isFirstWithin, &output) }
        output.append(byte: ASCII.closeBrace)
    }

    // MARK: Arrays

    private func writeArray(
        _ array: JSONValue, at place: Int, _ values: borrowing JSONEditValues, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        if creates {
            for child in nodes[place].children where nodes[child].index < 0 || nodes[child].index >= array.count {
                if nodes[child].isTarget, values[nodes[child].value] == nil { continue }
                if nodes[child].isTarget { throw .noElement }
                if hasValue(below: child, values) { throw .noElement }
            }
        }
        output.append(byte: ASCII.openBracket)
        var isFirst = true
        var index = 0
        for element in array.elements {
            let child = nodes[place].children.first { nodes[$0].index == index }
            index += 1
            let isTarget = child.map { nodes[$0].isTarget } ?? false
            if isTarget, kind == .remove { continue }
            var new: ByteView?
            if isTarget, let child { new = values[nodes[child].value] }
            let isGiven = new.map { _ in true } ?? false
            if isTarget, !isGiven, kind == .replace || kind == .set { continue }
            if !isFirst { output.append(byte: ASCII.comma) }
            isFirst = false
            guard let child else {
                output.append(element.raw)
                continue
            }
            if !isTarget {
                try write(element, at: child, values, &output)
            } else if kind == .append {
                try writeExtended(element, new, &output)
            } else if kind == .rename {
                // An element has no name; what lies in it may have.
                if nodes[child].children.isEmpty {
                    output.append(element.raw)
                } else {
                    try write(element, at: child, values, &output)
                }
            } else if let new {
                output.append(new)
            }
        }
        output.append(byte: ASCII.closeBracket)
    }

    /// Writes an array with one element more.
    private func writeExtended(
        _ array: JSONValue, _ element: ByteView?, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        guard let element else { return output.append(array.raw) }
        guard array.isArray else { throw .notArray }
        let raw = array.raw
        output.append(raw.prefix(raw.count - 1))
        if array.count > 0 { output.append(byte: ASCII.comma) }
        output.append(element)
        output.append(byte: ASCII.closeBracket)
    }
}

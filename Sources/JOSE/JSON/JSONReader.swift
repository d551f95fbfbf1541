import Base

/// One pass over one text, with the memory of its document.
///
/// An explicit machine rather than recursion: a hostile depth costs a comparison, not stack. Open arrays and objects
/// are chained through their own nodes' `span`, which gets its meaning when they close.
struct JSONReader {
    private(set) var nodes: UnsafeMutablePointer<JSONNode>
    private(set) var nodeCapacity: Int
    private(set) var arena: UnsafeMutablePointer<UInt8>?
    private(set) var arenaCapacity: Int
    private(set) var names: NameTable

    private let base: UnsafePointer<UInt8>
    private let end: Int
    private let limits: JSONLimits
    private var index = 0
    private var count = 0
    private var arenaCount = 0

    /// No array or object is open.
    private static let none = UInt32.max

    init(
        _ bytes: ByteView, limits: JSONLimits, nodes: UnsafeMutablePointer<JSONNode>, nodeCapacity: Int,
        arena: UnsafeMutablePointer<UInt8>?, arenaCapacity: Int, names: NameTable
    ) {
        base = bytes.base
        end = bytes.count
        self.limits = limits
        self.nodes = nodes
        self.nodeCapacity = nodeCapacity
        self.arena = arena
        self.arenaCapacity = arenaCapacity
        self.names = names
        self.names.removeAll()
    }

    mutating func readText() throws(JSONError) {
        var innermost = Self.none
        var depth = 0
        while true {
            // A value starts here, or an empty array or object ends.
            skipSpace()
            guard index < end else { throw .unexpectedEnd }
            let byte = base[index]
            if byte == ASCII.openBrace || byte == ASCII.openBracket {
                guard depth < limits.depth else { throw .tooDeep }
                let isObject = byte == ASCII.openBrace
                let place = try push(isObject ? .object : .array)
                nodes[place].span = innermost
                innermost = UInt32(truncatingIfNeeded: place)
                depth += 1
                index += 1
                skipSpace()
                guard index < end else { throw .unexpectedEnd }
                if base[index] == (isObject ? ASCII.closeBrace : ASCII.closeBracket) {
                    close(&innermost, &depth)
                } else {
                    if isObject { try readName(of: place) }
                    nodes[place].count = 1
                    continue
                }
            } else {
                try readScalar(byte)
            }
            // A value has ended: so may those that hold it.
            if try !proceed(&innermost, &depth) { return }
        }
    }

    /// After a value: on to the next one (true), or the text is over (false).
    private mutating func proceed(_ innermost: inout UInt32, _ depth: inout Int) throws(JSONError) -> Bool {
        while true {
            skipSpace()
            if innermost == Self.none {
                guard index == end else { throw .trailingBytes }
                return false
            }
            guard index < end else { throw .unexpectedEnd }
            let byte = base[index]
            let holder = Int(innermost)
            let isObject = nodes[holder].kind == .object
            if byte == ASCII.comma {
                index += 1
                nodes[holder].count += 1
                if isObject {
                    skipSpace()
                    try readName(of: holder)
                }
                return true
            }
            guard byte == (isObject ? ASCII.closeBrace : ASCII.closeBracket) else { throw .unexpectedByte }
            close(&innermost, &depth)
        }
    }

    /// At the closing byte of `innermost`.
    private mutating func close(_ innermost: inout UInt32, _ depth: inout Int) {
        let place = Int(innermost)
        index += 1
        innermost = nodes[place].span
        depth -= 1
        nodes[place].span = UInt32(truncatingIfNeeded: count - place)
        nodes[place].rawCount = UInt32(truncatingIfNeeded: base + index - nodes[place].start)
    }

    private mutating func readName(of object: Int) throws(JSONError) {
        guard index < end else { throw .unexpectedEnd }
        guard base[index] == ASCII.quote else { throw .unexpectedByte }
        let place = try push(.string)
        try readString(place)
        nodes[place].hash = names.hash(nodes[place].text, Int(nodes[place].count))
        guard names.insert(place, object: object, nodes: nodes) else { throw .duplicateName }
        skipSpace()
        guard index < end else { throw .unexpectedEnd }
        guard base[index] == ASCII.colon else { throw .unexpectedByte }
        index += 1
    }

    private mutating func readScalar(_ byte: UInt8) throws(JSONError) {
        switch byte {
        case ASCII.quote:
            let place = try push(.string)
            try readString(place)
        case ASCII.hyphen, ASCII.zero...ASCII.nine:
            let place = try push(.number)
            let length = try JSONNumber.scan(
                ByteView(base: base + index, count: end - index), isBounded: limits.boundsNumbers)
            nodes[place].rawCount = UInt32(truncatingIfNeeded: length)
            index += length
        case 0x74: try readWord("true", .true)
        case 0x66: try readWord("false", .false)
        case 0x6e: try readWord("null", .null)
        default: throw .unexpectedByte
        }
    }

    private mutating func readWord(_ word: StaticString, _ kind: JSONValue.Kind) throws(JSONError) {
        let place = try push(kind)
        let length = word.utf8CodeUnitCount
        var offset = 0
        while offset < length {
            guard index + offset < end else { throw .unexpectedEnd }
            guard base[index + offset] == word.utf8Start[offset] else { throw .unexpectedByte }
            offset += 1
        }
        nodes[place].rawCount = UInt32(truncatingIfNeeded: length)
        index += length
    }

    @inline(__always)
    private mutating func skipSpace() {
        while index < end {
            let byte = base[index]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            index += 1
        }
    }

    /// A new node that starts at the current byte.
    private mutating func push(_ kind: JSONValue.Kind) throws(JSONError) -> Int {
        guard count < limits.values else { throw .tooManyValues }
        if count == nodeCapacity {
            let grown = UnsafeMutablePointer<JSONNode>.allocate(capacity: nodeCapacity * 2)
            grown.update(from: nodes, count: count)
            nodes.deallocate()
            nodes = grown
            nodeCapacity *= 2
        }
        nodes[count] = JSONNode(
            start: base + index, text: base + index, rawCount: 0, count: 0, span: 1, hash: 0, kind: kind)
        count += 1
        return count - 1
    }
}

// MARK: Strings

extension JSONReader {
    /// At the opening quote.
    private mutating func readString(_ place: Int) throws(JSONError) {
        let start = index + 1
        var cursor = try plainEnd(from: start)
        if base[cursor] == ASCII.quote {
            nodes[place].text = base + start
            nodes[place].count = UInt32(truncatingIfNeeded: cursor - start)
        } else {
            cursor = try unescape(from: start, to: cursor, place)
        }
        index = cursor + 1
        nodes[place].rawCount = UInt32(truncatingIfNeeded: index - start + 1)
    }

    /// The index of the first quote or backslash at or after `start`; what lies before is checked.
    private func plainEnd(from start: Int) throws(JSONError) -> Int {
        var cursor = start
        while true {
            while cursor + 8 <= end {
                if JSONBytes.holdsSpecial(UnsafeRawPointer(base + cursor).loadUnaligned(as: UInt64.self)) { break }
                cursor += 8
            }
            let stop = min(cursor + 8, end)
            while cursor < stop {
                let byte = base[cursor]
                if byte == ASCII.quote || byte == ASCII.backslash { return cursor }
                if byte < 0x20 { throw .controlCharacter }
                if byte < 0x80 {
                    cursor += 1
                } else {
                    let length = JSONBytes.sequenceLength(base + cursor, left: end - cursor)
                    guard length > 0 else { throw .invalidUTF8 }
                    cursor += length
                }
            }
            guard cursor < end else { throw .unexpectedEnd }
        }
    }

    /// Decodes into the arena from `start`, whose bytes up to the backslash at `firstEscape` are plain.
    /// - Returns: the index of the closing quote.
    private mutating func unescape(from start: Int, to firstEscape: Int, _ place: Int) throws(JSONError) -> Int {
        // Decoding only shortens, so one reservation serves the whole text and nothing in the arena ever moves.
        if arenaCapacity < end {
            assert(arenaCount == 0)
            arena?.deallocate()
            arenaCapacity = max(end, 512)
            arena = .allocate(capacity: arenaCapacity)
        }
        guard let arena else { preconditionFailure("the arena was reserved above") }
        let output = arena + arenaCount
        var written = 0
        var from = start
        var cursor = firstEscape
        while true {
            (output + written).update(from: base + from, count: cursor - from)
            written += cursor - from
            if base[cursor] == ASCII.quote { break }
            let (length, produced) = try readEscape(at: cursor, into: output + written)
            written += produced
            from = cursor + length
            cursor = try plainEnd(from: from)
        }
        nodes[place].text = UnsafePointer(output)
        nodes[place].count = UInt32(truncatingIfNeeded: written)
        arenaCount += written
        return cursor
    }

    /// At a backslash. Writes at most 4 bytes, and never more than it read.
    private func readEscape(
        at cursor: Int, into output: UnsafeMutablePointer<UInt8>
    ) throws(JSONError) -> (length: Int, produced: Int) {
        guard cursor + 1 < end else { throw .unexpectedEnd }
        switch base[cursor + 1] {
        case ASCII.quote: output[0] = ASCII.quote
        case ASCII.backslash: output[0] = ASCII.backslash
        case ASCII.slash: output[0] = ASCII.slash
        case 0x62: output[0] = 0x08
        case 0x66: output[0] = 0x0c
        case 0x6e: output[0] = ASCII.lf
        case 0x72: output[0] = ASCII.cr
        case 0x74: output[0] = ASCII.tab
        case 0x75:
            let first = try readUnit(at: cursor + 2)
            if first & 0xfc00 == 0xdc00 { throw .loneSurrogate }
            guard first & 0xfc00 == 0xd800 else { return (6, Self.encode(first, output)) }
            guard cursor + 7 < end, base[cursor + 6] == ASCII.backslash, base[cursor + 7] == 0x75 else {
                throw .loneSurrogate
            }
            let second = try readUnit(at: cursor + 8)
            guard second & 0xfc00 == 0xdc00 else { throw .loneSurrogate }
            return (12, Self.encode(0x1_0000 + ((first & 0x3ff) << 10 | (second & 0x3ff)), output))
        default: throw .invalidEscape
        }
        return (2, 1)
    }

    /// Four hexadecimal digits.
    private func readUnit(at start: Int) throws(JSONError) -> UInt32 {
        guard start + 4 <= end else { throw .unexpectedEnd }
        var value: UInt32 = 0
        var offset = 0
        while offset < 4 {
            guard let digit = ASCII.hexValue(base[start + offset]) else { throw .invalidEscape }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private static func encode(_ scalar: UInt32, _ output: UnsafeMutablePointer<UInt8>) -> Int {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: scalar >> shift) & 0x3f }
        if scalar < 0x80 {
            output[0] = UInt8(truncatingIfNeeded: scalar)
            return 1
        }
        if scalar < 0x800 {
            output[0] = 0xc0 | UInt8(truncatingIfNeeded: scalar >> 6)
            output[1] = tail(0)
            return 2
        }
        if scalar < 0x1_0000 {
            output[0] = 0xe0 | UInt8(truncatingIfNeeded: scalar >> 12)
            output[1] = tail(6)
            output[2] = tail(0)
            return 3
        }
        output[0] = 0xf0 | UInt8(truncatingIfNeeded: scalar >> 18)
        output[1] = tail(12)
        output[2] = tail(6)
        output[3] = tail(0)
        return 4
    }
}

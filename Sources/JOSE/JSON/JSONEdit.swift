import Base

/// Changes to members of JSON texts, by JSON Pointers (RFC 6901), compiled once.
///
/// The kinds of operations come one after another: what one has written is what the next one finds. The operations of
/// one kind all mean the text as it was before the first of them. Objects and arrays on the way to a place are written
/// anew without white space; everything else keeps its bytes, numbers among it. Not thread-safe: each loop has its own.
package final class JSONEdit {
    /// One operation.
    package struct Operation {
        package enum Kind: Int, CaseIterable, Sendable {
            case remove, rename, replace, set, append
        }

        let kind: Kind
        let pointer: [String]
        let newName: String
        let value: Int

        /// - Parameters:
        ///   - pointer: the decoded tokens, at least one and at most `JSONEdit.depthMaximum`.
        ///   - newName: with `rename`.
        ///   - value: with the others but `remove`, the place of the value in `JSONEditValues`.
        package init(_ kind: Kind, at pointer: [String], newName: String = "", value: Int = -1) {
            precondition(!pointer.isEmpty && pointer.count <= JSONEdit.depthMaximum)
            self.kind = kind
            self.pointer = pointer
            self.newName = newName
            self.value = value
        }
    }

    /// How many tokens a pointer may have.
    package static let depthMaximum = 16
    /// What a text may be: as deep as the reader goes, and as many values as fit in 3 MiB of its memory. Numbers are
    /// only copied, so they are as they please.
    static let limits = JSONLimits(bytes: 16 << 20, depth: 64, values: 65_536, boundsNumbers: false)

    /// Memory that is kept between texts, for each of two buffers.
    private static let keptBytes = 64 << 10

    private let phases: [JSONEditPhase]
    private let document: JSONDocument
    private let texts = TextArena()
    /// What one kind of operations has made for the next, and what that makes of it.
    private var spare = IOBuffer()
    private var next = IOBuffer()

    /// - Parameter document: the loop's; what it has read before is lost.
    package init(_ operations: [Operation], document: JSONDocument = JSONDocument()) {
        self.document = document
        var phases: [JSONEditPhase] = []
        for kind in Operation.Kind.allCases {
            let own = operations.filter { $0.kind == kind }
            if !own.isEmpty { phases.append(JSONEditPhase(kind, own, texts)) }
        }
        self.phases = phases
    }

    /// Appends the changed text to `output`; on an error, `output` holds what it held.
    package func apply(
        to text: ByteView, values: borrowing JSONEditValues, into output: inout IOBuffer
    ) throws(JSONEditError) {
        let start = output.readableCount
        defer {
            if spare.capacity > Self.keptBytes { spare = IOBuffer() }
            if next.capacity > Self.keptBytes { next = IOBuffer() }
        }
        do throws(JSONEditError) {
            try change(text, values, &output)
        } catch {
            output.truncate(to: start)
            throw error
        }
    }

    private func change(
        _ text: ByteView, _ values: borrowing JSONEditValues, _ output: inout IOBuffer
    ) throws(JSONEditError) {
        if phases.isEmpty { return output.append(text) }
        var isSpare = false
        for (index, phase) in phases.enumerated() {
            let isLast = index == phases.count - 1
            let input = isSpare ? spare.readable : text
            let value: JSONValue
            do throws(JSONError) {
                value = try document.read(input, limits: Self.limits)
            } catch {
                throw .json(error)
            }
            if isLast {
                try phase.write(value, values, to: &output)
            } else {
                // The value's views may be of the spare buffer.
                next.removeAll()
                try phase.write(value, values, to: &next)
                swap(&spare, &next)
                isSpare = true
            }
        }
    }
}

/// Why a text can't be changed; it stays as it was.
package enum JSONEditError: Error, Equatable, Sendable {
    /// It isn't the JSON that is taken here.
    case json(JSONError)
    /// A place lies within a value that is neither object nor array.
    case notContainer
    /// An element is to be added to something other than an array.
    case notArray
    /// An array has no such element.
    case noElement

    /// What is wrong, in a few words.
    package var text: StaticString {
        switch self {
        case .json(let error): error.text
        case .notContainer: "a member is neither object nor array, and a place lies within it"
        case .notArray: "a member is no array, and an element is to be added to it"
        case .noElement: "an array has no such element"
        }
    }
}

/// The values of an edit's operations, as JSON, in one buffer that is kept.
package struct JSONEditValues: ~Copyable {
    private var texts = IOBuffer()
    private var places: UnsafeMutablePointer<(start: Int, count: Int)>?
    private var capacity = 0
    /// How many values there are.
    package private(set) var count = 0

    package init() {}

    deinit { places?.deallocate() }

    /// Forgets all values and keeps the memory.
    package mutating func removeAll() {
        texts.removeAll()
        count = 0
    }

    /// Memory held, in bytes.
    package var memoryBytes: Int { texts.capacity + capacity * MemoryLayout<(Int, Int)>.stride }

    /// Adds a string. - Returns: false if the text is not UTF-8, which JSON is; then nothing was added.
    package mutating func append(text: ByteView) -> Bool {
        let start = texts.readableCount
        guard JSONBytes.append(text, to: &texts) else {
            texts.truncate(to: start)
            return false
        }
        note(start, texts.readableCount - start)
        return true
    }

    /// Adds what is JSON already.
    package mutating func append(json: ByteView) {
        let start = texts.readableCount
        texts.append(json)
        note(start, json.count)
    }

    /// Adds a place without value: its operation drops what there is, or does nothing.
    package mutating func appendNone() { note(0, 0) }

    private mutating func note(_ start: Int, _ length: Int) {
        if count == capacity {
            let grown = UnsafeMutablePointer<(start: Int, count: Int)>.allocate(capacity: max(16, capacity * 2))
            if let places {
                grown.moveInitialize(from: places, count: count)
                places.deallocate()
            }
            places = grown
            capacity = max(16, capacity * 2)
        }
        guard let places else { return }
        (places + count).initialize(to: (start, length))
        count += 1
    }

    /// Nil for a place without value.
    subscript(index: Int) -> ByteView? {
        guard let places, index >= 0, index < count, places[index].count > 0 else { return nil }
        return texts.readable[places[index].start..<places[index].start + places[index].count]
    }
}

extension JSONBytes {
    /// Appends `text` as a JSON string. - Returns: false if it is not UTF-8; then a part may have been appended.
    static func append(_ text: ByteView, to buffer: inout IOBuffer) -> Bool {
        var index = 0
        while index < text.count {
            if text[index] < 0x80 {
                index += 1
                continue
            }
            let length = sequenceLength(text.base + index, left: text.count - index)
            if length == 0 { return false }
            index += length
        }
        // Each byte may become `\u00xx`.
        buffer.reserve(text.count * 6 + 2)
        guard let start = buffer.writable.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
        var output = start
        output[0] = ASCII.quote
        output += 1
        index = 0
        while index < text.count { index += write(text.base + index, left: text.count - index, to: &output) }
        output[0] = ASCII.quote
        buffer.commit(output + 1 - start)
        return true
    }
}

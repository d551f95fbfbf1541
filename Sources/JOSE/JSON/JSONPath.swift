import Base

/// The names that lead from an object to a value within it: `realm_access`, `roles`. Made once from configuration.
package final class JSONPath: Sendable {
    private let names: TextList

    /// - Parameter names: each taken as it is; may hold dots.
    package init(names: [String]) { self.names = TextList(names) }

    /// Splits at dots; `\.` is a dot within a name and `\\` a backslash: `https://example\.com/roles`.
    package convenience init(dotted text: String) {
        var names: [String] = []
        var name = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                name.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "." {
                names.append(name)
                name = ""
            } else {
                name.unicodeScalars.append(character)
            }
        }
        names.append(name)
        self.init(names: names)
    }

    /// How many names; none leads to the value itself.
    package var count: Int { names.count }

    /// The name at `index`, which must be below `count`; valid as long as the path.
    package func name(_ index: Int) -> ByteView { names[index] }
}

/// Texts that never change, readable without touching a reference count.
final class TextList: @unchecked Sendable {
    // Sendable because it is immutable: the memory is written before the initialiser returns and freed in deinit.
    private let memory: UnsafeMutablePointer<UInt8>
    private let ends: UnsafeMutablePointer<Int>
    let count: Int

    init(_ texts: [String]) {
        count = texts.count
        ends = .allocate(capacity: texts.count + 1)
        memory = .allocate(capacity: texts.reduce(1) { $0 + $1.utf8.count })
        ends[0] = 0
        var end = 0
        for (index, text) in texts.enumerated() {
            for byte in text.utf8 {
                memory[end] = byte
                end += 1
            }
            ends[index + 1] = end
        }
    }

    deinit {
        memory.deallocate()
        ends.deallocate()
    }

    subscript(index: Int) -> ByteView {
        precondition(index >= 0 && index < count)
        return ByteView(base: memory + ends[index], count: ends[index + 1] - ends[index])
    }
}

import Base

/// Writes JSON (RFC 8259) into a buffer as it goes. Objects and arrays are closures, so they are always balanced;
/// commas are its business.
///
/// ```swift
/// var json = JSONWriter(layout: .indented)
/// json.object { json in
///     json.field("status", "ready")
///     json.array("listeners") { json in json.value("external") }
/// }
/// let text = json.finish()
/// ```
/// Inside an object only the methods with a name may be used, inside an array or at the top only those without: a
/// mistake there is a broken invariant and stops debug builds.
package struct JSONWriter: ~Copyable {
    /// How values are laid out.
    package enum Layout: Sendable {
        /// One line, for machines.
        case compact
        /// Two spaces for each level, for people.
        case indented
    }

    private enum Place { case object, array }

    private var output: IOBuffer
    private let layout: Layout
    private var depth = 0
    private var place = Place.array
    private var isFirst = true

    /// - Parameter output: the buffer to append to; `finish` gives it back.
    package init(into output: consuming IOBuffer = IOBuffer(), layout: Layout = .compact) {
        self.output = output
        self.layout = layout
    }

    /// The buffer with all that was written.
    package consuming func finish() -> IOBuffer { output }

    // MARK: Values, in an array or at the top

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        separate(.array)
        nest(.object, members)
    }

    package mutating func array(_ elements: (inout JSONWriter) -> Void) {
        separate(.array)
        nest(.array, elements)
    }

    package mutating func value(_ text: ByteView) {
        separate(.array)
        string(text)
    }

    package mutating func value(_ text: String) { text.withByteView { value($0) } }

    package mutating func value(_ number: Int) {
        separate(.array)
        integer(number)
    }

    // MARK: Members, in an object

    package mutating func object(_ name: StaticString, _ members: (inout JSONWriter) -> Void) {
        key(name)
        nest(.object, members)
    }

    package mutating func array(_ name: StaticString, _ elements: (inout JSONWriter) -> Void) {
        key(name)
        nest(.array, elements)
    }

    package mutating func field(_ name: StaticString, _ text: ByteView) {
        key(name)
        string(text)
    }

    package mutating func field(_ name: StaticString, _ text: String) { text.withByteView { field(name, $0) } }

    package mutating func field(_ name: StaticString, _ number: Int) {
        key(name)
        integer(number)
    }

    /// The shortest text that reads back as the same number; `null` for infinities and NaN, which JSON lacks.
    package mutating func field(_ name: StaticString, _ number: Double) {
        key(name)
        if number.isFinite { output.append(string: number.description) } else { output.append("null") }
    }

    package mutating func field(_ name: StaticString, _ flag: Bool) {
        key(name)
        output.append(flag ? "true" : "false")
    }

    /// A member without a value.
    package mutating func null(_ name: StaticString) {
        key(name)
        output.append("null")
    }

    // MARK: Members whose names come from data

    package mutating func object(named name: String, _ members: (inout JSONWriter) -> Void) {
        name.withByteView { key($0) }
        nest(.object, members)
    }

    package mutating func field(named name: String, _ text: String) {
        name.withByteView { key($0) }
        text.withByteView { string($0) }
    }

    package mutating func field(named name: String, _ number: Int) {
        name.withByteView { key($0) }
        integer(number)
    }

    // MARK: Parts

    private mutating func nest(_ inner: Place, _ body: (inout JSONWriter) -> Void) {
        let outer = place
        output.append(byte: inner == .object ? ASCII.openBrace : ASCII.openBracket)
        place = inner
        isFirst = true
        depth += 1
        body(&self)
        depth -= 1
        assert(place == inner, "what was opened inside is closed")
        if !isFirst { newLine() }
        output.append(byte: inner == .object ? ASCII.closeBrace : ASCII.closeBracket)
        place = outer
        isFirst = false
    }

    private mutating func separate(_ expected: Place) {
        assert(place == expected, "a member needs a name, an element has none")
        if !isFirst { output.append(byte: ASCII.comma) }
        if depth > 0 { newLine() }
        isFirst = false
    }

    private mutating func key(_ name: StaticString) { key(ByteView(name)) }

    private mutating func key(_ name: ByteView) {
        separate(.object)
        string(name)
        output.append(byte: ASCII.colon)
        if layout == .indented { output.append(byte: ASCII.space) }
    }

    private mutating func newLine() {
        guard layout == .indented else { return }
        output.append(byte: ASCII.lf)
        for _ in 0..<depth { output.append("  ") }
    }

    private mutating func integer(_ number: Int) {
        if number < 0 { output.append(byte: ASCII.hyphen) }
        output.append(decimal: UInt64(number.magnitude))
    }

    private mutating func string(_ text: ByteView) {
        var cursor = TextCursor(reserving: TextCursor.jsonCapacity(text.count), in: &output)
        cursor.write(json: text)
        cursor.commit(to: &output)
    }
}

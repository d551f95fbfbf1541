import Base

/// The state of reading a field section, the part of a head behind its start line or a trailer section
/// (RFC 9112 section 5). It remembers how far it has judged, so that feeding byte by byte costs no more.
///
/// Strict: lines end in CRLF, names are tokens directly before the colon, no line is folded.
struct FieldSection {
    /// Where the section begins.
    private let start: Int
    /// Where the line under way begins.
    private var lineStart: Int
    /// The first byte not judged yet.
    private var scanned: Int
    /// Where the name of the line under way ends. -1 while it is being read.
    private var nameEnd = -1
    /// What that name is, when it was read.
    private var field = KnownField.other
    /// The fields read so far.
    private var fieldCount = 0
    private var known = KnownFieldSet()

    /// - Parameter start: where the section's first line begins.
    init(start: Int) {
        self.start = start
        lineStart = start
        scanned = start
    }

    /// Reads as much of the section as `view` has. Afterwards `fields` shows all of the section, with the bytes of
    /// `view` up to its end as the arena, or it is empty: the section is not complete, or is wrong.
    ///
    /// Nothing of an unfinished section lies in the list until the next call, so whatever happens to the list in
    /// between, another section included, never shows up in this one.
    ///
    /// - Returns: the index behind the empty line that ends the section; nil when it is not there yet.
    mutating func parse(
        _ view: ByteView, into fields: inout HeaderList, maximumCount: Int, excess: MessageError
    ) throws(MessageError) -> Int? {
        fields.removeAll()
        // The state lives in registers and is put back when bytes are missing.
        var state = self
        let count = view.count
        while true {
            if state.nameEnd < 0 {
                if !state.takeName(view) {
                    if state.scanned == count { break }
                    guard let end = try Self.endOfSection(view, state.lineStart, at: state.scanned) else { break }
                    guard fieldCount == 0 else {
                        // Some fields were read in former calls: all are read again, in one go.
                        var whole = FieldSection(start: start)
                        return try whole.parse(
                            view.prefix(end), into: &fields, maximumCount: maximumCount, excess: excess)
                    }
                    fields.adopt(view.prefix(end), fieldCount: state.fieldCount, known: state.known)
                    return end
                }
            }
            let end = ByteScan.endOfFieldText(view, from: state.scanned)
            state.scanned = end
            if end == count { break }
            guard view[end] == ASCII.cr else {
                throw view[end] == ASCII.lf ? .bareLineFeed : .invalidFieldValue
            }
            if end &+ 1 == count { break }
            guard view[end &+ 1] == ASCII.lf else { throw .bareCarriageReturn }
            guard state.fieldCount < maximumCount else { throw excess }
            let value = ByteScan.trim(view, from: state.nameEnd &+ 1, to: end)
            fields.place(
                HeaderList.Field(
                    nameStart: state.lineStart, nameEnd: state.nameEnd, valueStart: value.start, valueEnd: value.end,
                    known: state.field,
                    isPlainLine: value.start == state.nameEnd &+ 2 && value.end == end
                        && view[state.nameEnd &+ 1] == ASCII.space),
                at: state.fieldCount)
            state.known = state.known.and(state.field)
            state.fieldCount &+= 1
            state.lineStart = end &+ 2
            state.scanned = end &+ 2
            state.nameEnd = -1
        }
        self = state
        return nil
    }

    /// Reads a name and its colon. False when the line does not continue like that: `scanned` is then at the first byte
    /// that can't be in a name, or at the end of `view`.
    @inline(__always)
    private mutating func takeName(_ view: ByteView) -> Bool {
        if scanned < view.count, view[scanned] != ASCII.cr {
            let colon = ByteScan.index(ofColon: view, from: scanned)
            if colon < view.count, colon > lineStart {
                let name = view[lineStart..<colon]
                field = KnownField(name: name)
                // A known name was compared byte by byte, so only others are looked at again.
                if field.hasFixedName || name.isToken {
                    nameEnd = colon
                    scanned = colon &+ 1
                    return true
                }
            }
        }
        scanned = ByteScan.endOfToken(view, from: scanned)
        return false
    }

    /// Judges a byte that ends a name without being its colon: the empty line, or an error.
    private static func endOfSection(
        _ view: ByteView, _ lineStart: Int, at end: Int
    ) throws(MessageError) -> Int? {
        let byte = view[end]
        guard end == lineStart else { throw byte == ASCII.lf ? .bareLineFeed : .invalidFieldName }
        switch byte {
        case ASCII.cr:
            if end + 1 == view.count { return nil }
            guard view[end + 1] == ASCII.lf else { throw .bareCarriageReturn }
            return end + 2
        case ASCII.lf: throw .bareLineFeed
        case ASCII.space, ASCII.tab: throw .obsoleteLineFolding
        case ASCII.colon: throw .emptyFieldName
        default: throw .invalidFieldName
        }
    }
}

import Base

/// The state of reading a field section, the part of a head behind its start line or a trailer section
/// (RFC 9112 section 5). It remembers how far it has judged, so that feeding byte by byte costs no more.
///
/// Strict: lines end in CRLF, names are tokens directly before the colon, no line is folded.
struct FieldSection {
    /// Where the line under way begins.
    private var lineStart: Int
    /// The first byte not judged yet.
    private var scanned: Int
    /// Where the name of the line under way ends. -1 while it is being read.
    private var nameEnd = -1
    /// The fields read so far: the list shows them when it has their bytes.
    private var fieldCount = 0
    private var known = KnownFieldSet()

    /// - Parameter start: where the section's first line begins.
    init(start: Int) {
        lineStart = start
        scanned = start
    }

    /// Reads the fields in `view` that are complete into `fields`, which was emptied before the section and shows
    /// them when the section is complete, with the bytes of `view` up to its end as the arena.
    ///
    /// - Returns: the index behind the empty line that ends the section; nil when it is not there yet.
    mutating func parse(
        _ view: ByteView, into fields: inout HeaderList, maximumCount: Int, excess: MessageError
    ) throws(MessageError) -> Int? {
        // The state lives in registers and is put back when bytes are missing.
        var lineStart = lineStart
        var scanned = scanned
        var nameEnd = nameEnd
        var fieldCount = fieldCount
        var known = known
        let count = view.count
        while true {
            if nameEnd < 0 {
                scanned = ByteScan.endOfToken(view, from: scanned)
                if scanned == count { break }
                if view[scanned] != ASCII.colon || scanned == lineStart {
                    guard let sectionEnd = try Self.endOfSection(view, lineStart, at: scanned) else { break }
                    fields.adopt(view.prefix(sectionEnd), fieldCount: fieldCount, known: known)
                    return sectionEnd
                }
                nameEnd = scanned
                scanned += 1
            }
            scanned = ByteScan.endOfFieldText(view, from: scanned)
            if scanned == count { break }
            guard view[scanned] == ASCII.cr else {
                throw view[scanned] == ASCII.lf ? .bareLineFeed : .invalidFieldValue
            }
            if scanned + 1 == count { break }
            guard view[scanned + 1] == ASCII.lf else { throw .bareCarriageReturn }
            guard fieldCount < maximumCount else { throw excess }
            var valueStart = nameEnd + 1
            var valueEnd = scanned
            while valueStart < valueEnd, ASCII.isWhitespace(view[valueStart]) { valueStart += 1 }
            while valueEnd > valueStart, ASCII.isWhitespace(view[valueEnd - 1]) { valueEnd -= 1 }
            let field = KnownField(name: view[lineStart..<nameEnd])
            fields.place(
                HeaderList.Field(
                    nameStart: lineStart, nameEnd: nameEnd, valueStart: valueStart, valueEnd: valueEnd, known: field),
                at: fieldCount)
            known = known.and(field)
            fieldCount += 1
            lineStart = scanned + 2
            scanned = lineStart
            nameEnd = -1
        }
        self.lineStart = lineStart
        self.scanned = scanned
        self.nameEnd = nameEnd
        self.fieldCount = fieldCount
        self.known = known
        return nil
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

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

    /// - Parameter start: where the section's first line begins.
    init(start: Int) {
        lineStart = start
        scanned = start
    }

    /// Reads the fields in `view` that are complete. Their offsets are those in `view`: the caller gives the list its
    /// bytes afterwards (`HeaderList.adopt`).
    ///
    /// - Returns: the index behind the empty line that ends the section; nil when it is not there yet.
    mutating func parse(
        _ view: ByteView, into fields: inout HeaderList, maximumCount: Int, excess: MessageError
    ) throws(MessageError) -> Int? {
        let count = view.count
        while true {
            if nameEnd < 0 {
                let end = ByteScan.endOfToken(view, from: scanned)
                scanned = end
                if end == count { return nil }
                if view[end] != ASCII.colon || end == lineStart {
                    return try endOfSection(view, at: end)
                }
                nameEnd = end
                scanned = end + 1
            }
            let end = ByteScan.endOfFieldText(view, from: scanned)
            scanned = end
            if end == count { return nil }
            guard view[end] == ASCII.cr else {
                throw view[end] == ASCII.lf ? .bareLineFeed : .invalidFieldValue
            }
            if end + 1 == count { return nil }
            guard view[end + 1] == ASCII.lf else { throw .bareCarriageReturn }
            guard fields.endIndex < maximumCount else { throw excess }
            var valueStart = nameEnd + 1
            var valueEnd = end
            while valueStart < valueEnd, ASCII.isWhitespace(view[valueStart]) { valueStart += 1 }
            while valueEnd > valueStart, ASCII.isWhitespace(view[valueEnd - 1]) { valueEnd -= 1 }
            fields.appendSlot(
                HeaderList.Field(
                    nameStart: lineStart, nameEnd: nameEnd, valueStart: valueStart, valueEnd: valueEnd,
                    known: KnownField(name: view[lineStart..<nameEnd])))
            lineStart = end + 2
            scanned = lineStart
            nameEnd = -1
        }
    }

    /// Judges a byte that ends a name without being its colon: the empty line, or an error.
    private func endOfSection(_ view: ByteView, at end: Int) throws(MessageError) -> Int? {
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

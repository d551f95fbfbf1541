import Base

/// Puts renames of header fields in the order in which, one after the other, they do what they mean: all at once, the
/// fields as they were before the first of them.
///
/// A rename that frees a name comes before the one that takes it. In a ring none is the first, so one field waits there
/// under a name that nothing else has then.
enum RenameOrder {
    /// It is gone from every message by then, and out of every operation's reach.
    private static var waitingName: ByteView { ByteView("Connection") }

    /// - Parameter operations: with renames whose names and new names each occur once.
    static func ordered(_ operations: [FieldOperation]) -> [FieldOperation] {
        var waiting = operations.compactMap { $0.rename }
        guard waiting.count > 1, let start = operations.firstIndex(where: { $0.rename != nil }) else {
            return operations
        }
        var ordered: [FieldOperation] = []
        while let first = waiting.first {
            let free = waiting.indices.first { index in
                !waiting.indices.contains { $0 != index && waiting[$0].from.equalsIgnoringCase(waiting[index].to) }
            }
            if let free {
                let rename = waiting.remove(at: free)
                ordered.append(FieldOperation(rename.from, .rename(to: rename.to)))
            } else {
                ordered.append(FieldOperation(first.from, .rename(to: waitingName)))
                waiting[0].from = waitingName
            }
        }
        let others = operations.filter { $0.rename == nil }
        return others[..<start] + ordered + others[start...]
    }
}

extension FieldOperation {
    fileprivate var rename: (from: ByteView, to: ByteView)? {
        if case .rename(let other) = action { (name, other) } else { nil }
    }
}

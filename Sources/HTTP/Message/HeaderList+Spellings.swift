import Base

/// Names with `_` for `-`. CGI-like servers read both as one, so such a field of a client could pass for one that the
/// gateway sets. What the gateway always sets or trusts is dropped with the hop-by-hop fields (`underscoreSpelling`);
/// this is for names that a route's configuration sets.
extension HeaderList {
    /// Whether some name that is no known field has a `_`.
    package var hasUnderscoredName: Bool {
        guard let slots, known.contains(.other) else { return false }
        var index = 0
        while index < endIndex {
            if slots[index].known == .other, !slots[index].isRemoved,
                name(at: index).firstIndex(of: ASCII.underscore) != nil
            {
                return true
            }
            index += 1
        }
        return false
    }

    /// Removes the fields that have a `_` where `name` has a `-`, and are called `name` otherwise, in any case of
    /// letters.
    package mutating func removeUnderscored(spellingsOf name: ByteView) {
        guard let slots else { return }
        var index = 0
        while index < endIndex {
            let written = self.name(at: index)
            if slots[index].known == .other, !slots[index].isRemoved, written.equalsNameFoldingUnderscores(name),
                !written.equalsIgnoringCase(name)
            {
                remove(at: index)
            }
            index += 1
        }
    }
}

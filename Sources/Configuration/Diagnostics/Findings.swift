/// Gathers what is wrong during one load.
final class Findings {
    private(set) var list: FindingList
    var errorCount: Int { list.errorCount }

    init(limit: Int) { list = FindingList(limit: limit) }

    func add(_ diagnostic: Diagnostic) { list.add(diagnostic) }

    /// Takes over what was gathered aside.
    func add(_ other: Findings) { list.add(other.list) }
}

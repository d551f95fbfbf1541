import Testing

/// A metric that nobody writes reads 0 for ever, and looks as if all were well.
@Suite("Metric cells")
struct MetricCellTests {
    @Test("every counter and gauge that a loop keeps is written somewhere")
    func written() throws {
        let table = try #require(SourceTree.swiftFiles["Sources/Observability/Metrics/MetricsShard.swift"])
        let declaration = try Regex(#"static var (\w+): (ShardCounter|ShardGauge)"#)
        let names = table.code.compactMap { $0.firstMatch(of: declaration)?.output[1].substring.map(String.init) }
        #expect(names.count > 10)
        let writing = try Regex(#"\.(count|raise|lower|set)\("#)
        var written = Set<String>()
        for (path, file) in SourceTree.swiftFiles where path.hasPrefix("Sources/") {
            for line in file.code {
                // Whichever of two it is, the line has its name.
                if line.firstMatch(of: writing) != nil {
                    for name in names where line.contains(".\(name)") { written.insert(name) }
                }
            }
        }
        for name in names where !written.contains(name) { Issue.record("nobody writes .\(name)") }
    }
}

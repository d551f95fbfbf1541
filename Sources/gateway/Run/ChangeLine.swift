import Configuration
import Observability

extension JSONWriter {
    /// What a reload added, changed, removed and kept, kind by kind. Long lists are cut: the counts are whole.
    mutating func append(_ changes: ConfigurationChanges) {
        object("listeners") { $0.append(changes.listeners) }
        object("domains") { $0.append(changes.domains) }
        object("upstreams") { $0.append(changes.upstreams) }
        object("routes") { $0.append(changes.routes) }
        object("issuers") { $0.append(changes.issuers) }
        object("signing_keys") { $0.append(changes.signingKeys) }
        array("settings") { line in for name in changes.settings { line.value(name) } }
    }

    private mutating func append(_ kind: ConfigurationChanges.Kind) {
        names("added", kind.added)
        names("changed", kind.changed)
        names("removed", kind.removed)
        field("kept", kind.keptCount)
    }

    private static let namesMax = 20

    private mutating func names(_ label: StaticString, _ names: [String]) {
        array(label) { line in
            for name in names.prefix(Self.namesMax) { line.value(name) }
            if names.count > Self.namesMax { line.value("and \(names.count - Self.namesMax) more") }
        }
    }
}

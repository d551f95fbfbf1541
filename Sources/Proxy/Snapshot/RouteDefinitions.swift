import Configuration
import Routing

extension RouteDefinition {
    /// What the router needs of a configured route.
    /// - Parameter place: the route's index among all.
    convenience init(_ route: ConfiguredRoute, place: Int) {
        self.init(
            id: route.identity,
            place: place,
            listeners: route.match.listeners.reduce(0) { $0 | 1 << UInt64($1.value.index) },
            hosts: route.match.hosts.map { .init($0.value) },
            path: PathPattern(route.match.path.value),
            methods: route.match.methods.map(\.value),
            headers: route.match.headers.map { RouteCondition($0) },
            queries: route.match.query.map { RouteCondition($0) })
    }
}

extension Routing.HostPattern {
    init(_ pattern: ConfiguredHostPattern) {
        switch pattern {
        case .exact(let name): self = .exact(name)
        case .wildcard(let suffix): self = .wildcard(suffix: suffix)
        case .any: self = .any
        }
    }
}

extension PathPattern {
    init(_ template: PathTemplate) {
        var segments: [Segment] = []
        segments.reserveCapacity(template.segments.count + (template.isPrefix ? 1 : 0))
        for segment in template.segments {
            switch segment {
            case .literal(let text): segments.append(.literal(text))
            case .parameter(let name): segments.append(.parameter(name))
            case .rest(let name): segments.append(.rest(name))
            }
        }
        if template.isPrefix { segments.append(.rest("")) }
        self.init(segments: segments)
    }
}

extension RouteCondition {
    init(_ condition: FieldCondition) {
        let test: Test
        switch condition.test {
        case .exact(let value): test = .exact(value)
        case .prefix(let value): test = .prefix(value)
        case .present: test = .present
        case .absent: test = .absent
        }
        self.init(name: condition.name, test: test)
    }
}

import Admin
import Configuration
import Proxy
import Routing

/// A route that didn't get a request, and why.
package struct NearMiss {
    package let identity: String
    package let reason: String
    /// `file:line:column`.
    package let place: String

    /// The nearest routes first, without the one that was chosen.
    /// - Parameters:
    ///   - limit: how many at most.
    ///   - referenced: what isn't to be shown of the configuration.
    static func all(
        _ preview: RequestPreview, _ blueprint: Blueprint, method: String, limit: Int,
        hiding referenced: ReferencedTexts
    ) -> [NearMiss] {
        let verdicts = preview.explanation?.verdicts.filter { $0.reason != .chosen } ?? []
        let words = Words(preview: preview, blueprint: blueprint, method: method)
        return verdicts.prefix(limit).map { verdict in
            let route = blueprint.routes[verdict.route]
            return NearMiss(
                identity: route.identity, reason: referenced.masked(words.text(verdict.reason, verdict.route)),
                place: blueprint.configuration.files.describe(route.location))
        }
    }
}

/// Says verdicts in the words of the configuration.
private struct Words {
    let preview: RequestPreview
    let blueprint: Blueprint
    let method: String

    func text(_ reason: RouteExplanation.Reason, _ index: Int) -> String {
        let configuration = blueprint.configuration
        let match = blueprint.routes[index].match
        switch reason {
        case .chosen: return "takes it"
        case .outranked(let winner, let criterion):
            return "matches too, but `\(blueprint.routes[winner].identity)` \(advantage(criterion))"
        case .query(let condition): return "the query is not: \(match.query[condition].text(in: configuration))"
        case .header(let condition): return "the headers are not: \(match.headers[condition].text(in: configuration))"
        case .method:
            return "\(method) is not one of its methods: \(match.methods.map(\.value).joined(separator: ", "))"
        case .path(let segment): return path(index, segment)
        case .host: return "another host: \(match.hosts.map(\.value.description).joined(separator: ", "))"
        case .listener: return "another listener: \(match.listeners.map(\.value.name).joined(separator: ", "))"
        }
    }

    private func advantage(_ criterion: RouteExplanation.RankCriterion) -> String {
        switch criterion {
        case .host: "names the host more exactly"
        case .path(let segment): "is more specific at segment \(segment + 1) of the path"
        case .method: "names the method"
        case .headerCount: "has more conditions on headers"
        case .queryCount: "has more conditions on the query"
        }
    }

    private func path(_ index: Int, _ segment: Int) -> String {
        let pattern = blueprint.routes[index].match.pathText
        let segments = preview.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if segment >= segments.count { return "the path ends before it has all segments of \(pattern)" }
        let definition = blueprint.table.definitions[index].path.segments
        if segment >= definition.count { return "the path goes on behind \(pattern)" }
        return "segment \(segment + 1) of the path, `\(segments[segment])`, is not that of \(pattern)"
    }
}

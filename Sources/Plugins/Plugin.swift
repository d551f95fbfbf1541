import Base
import HTTP
import Routing

/// Every plugin of the gateway, compiled for one route. The set is closed: one binary, one list, one place to read it.
///
/// A plugin is a folder: its behaviour, its page and, in `Configuration`, its keys. To the rest of the gateway it is
/// one case here, in the phase where `PluginChain` runs it.
package enum CompiledPlugin {
    case ipRestriction(IPRestrictionRule)
    case requestTransform(RequestTransformRule)
    case responseTransform(ResponseTransformRule)

    /// The key under `plugins:`.
    package var name: StaticString {
        switch self {
        case .ipRestriction: "ip_restriction"
        case .requestTransform: "request_transform"
        case .responseTransform: "response_transform"
        }
    }

    /// Where in the fixed pipeline it runs.
    package var phase: PluginPhase {
        switch self {
        case .ipRestriction: .access
        case .requestTransform: .requestTransform
        case .responseTransform: .responseTransform
        }
    }
}

/// The phases of the pipeline in which plugins run, in order.
package enum PluginPhase: Int, CaseIterable, Sendable {
    /// May refuse the request.
    case access
    /// Changes what the upstream sees.
    case requestTransform
    /// Changes what the client sees.
    case responseTransform
}

/// What a plugin of the access phase says.
package enum PluginVerdict {
    case proceed
    /// The gateway answers instead, with problem details.
    case respond(PluginRefusal)
}

/// Why a plugin refuses a request.
package struct PluginRefusal: Sendable {
    package let status: Int
    /// For logs: stable, kebab-case.
    package let code: StaticString
    /// One sentence for the client.
    package let detail: StaticString
}

/// The plugins of one route, sorted into their phases when the snapshot is compiled, so that a request walks only those
/// that have something to do. The loops are here, beside the enum: walking it from another module costs ten times more.
///
/// A class, so that a call copies no arrays: three counted references for each phase of each request.
package final class PluginChain {
    private let access: [CompiledPlugin]
    /// Changes what the upstream sees; nil when nothing is changed.
    package let requestTransform: RequestTransformRule?
    /// Changes what the client sees.
    package let responseTransform: ResponseTransformRule?

    /// Whether one of the two has to do with the request.
    package let hasTransforms: Bool
    /// Whether `responseTransform` reads the request before it is changed.
    package let readsAheadForAnswer: Bool

    /// Who sends the request, and what upstreams are told about that; nil when the route doesn't ask.
    package let identity: IdentityChain?

    package init(_ plugins: [CompiledPlugin] = [], identity: IdentityChain? = nil) {
        self.identity = identity
        access = plugins.filter { $0.phase == .access }
        var request: RequestTransformRule?
        var response: ResponseTransformRule?
        for plugin in plugins {
            if case .requestTransform(let rule) = plugin { request = rule }
            if case .responseTransform(let rule) = plugin { response = rule }
        }
        requestTransform = request
        responseTransform = response
        readsAheadForAnswer = response?.readsAhead ?? false
        hasTransforms = request != nil || (response.map { $0.readsAhead || !$0.withheldFields.isEmpty } ?? false)
    }

    /// The first refusal, or `proceed`.
    /// - Parameter client: nil when nobody knows who it is.
    package func checkAccess(client: IPAddress?) -> PluginVerdict {
        for plugin in access {
            if case .ipRestriction(let rule) = plugin, let refusal = rule.refusal(of: client) {
                return .respond(refusal)
            }
        }
        return .proceed
    }
}

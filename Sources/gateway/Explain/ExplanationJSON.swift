import Admin
import Configuration
import Proxy

extension Explanation {
    /// For programs.
    package var json: JSONOutput {
        [
            "request": [
                "method": .string(request.method), "url": .string(url), "host": .string(preview.host),
                "path": .string(preview.path), "query": .string(query),
            ],
            "listener": ["name": .string(listener.name), "assumed": .boolean(isListenerAssumed)],
            "served": .boolean(isServed),
            "route": .optional(route?.identity),
            "place": .optional(route.map { files.describe($0.location) }),
            "parameters": .object(preview.captures.filter { !$0.name.isEmpty }.map { ($0.name, .string($0.value)) }),
            "upstream": upstream,
            "split": split,
            "upstream_path": .optional(upstreamPath),
            "upstream_query": .optional(upstreamQuery),
            "redirect_location": .optional(redirectLocation),
            "answer": answer,
            "identity": identity?.json(files) ?? .null,
            "near_misses": .array(
                nearMisses.map {
                    ["route": .string($0.identity), "reason": .string($0.reason), "place": .string($0.place)]
                }),
            "other_routes": .integer(otherCount),
            "pipeline": .array(pipeline?.steps.map(json) ?? []),
        ]
    }

    /// Of a split, the side that takes the request; null where that can't be said.
    private var upstream: JSONOutput {
        guard let route, case .proxy(let proxy) = route.action else { return .null }
        guard let split = proxy.split else { return .string("\(route.domain)/\(proxy.upstreamName)") }
        return .optional(preview.splitSide.map { "\(route.domain)/\(split.sides[$0].upstreamName)" })
    }

    private var split: JSONOutput {
        guard let route, case .proxy(let proxy) = route.action, let split = proxy.split else { return .null }
        let sides = split.sides.enumerated().map { index, side -> JSONOutput in
            [
                "upstream": .string("\(route.domain)/\(side.upstreamName)"), "weight": .integer(side.weight.value),
                "taken": .boolean(index == preview.splitSide), "place": .string(files.describe(side.weight.origin)),
            ]
        }
        return [
            "key": .optional(split.key?.value.text), "sides": .array(sides),
            "decision": .string(splitDecision(split)),
        ]
    }

    /// What the gateway says when no route takes the request.
    private var answer: JSONOutput {
        guard case .answer(let answer) = preview.outcome else { return .null }
        return [
            "status": .integer(answer.status), "code": .string(answer.code), "detail": .string(answer.detail),
            "allow": .optional(answer.allow), "challenge": .optional(answer.challenge),
        ]
    }

    private func json(_ step: ExplainedStep) -> JSONOutput {
        [
            "step": .string(step.step.title),
            "active": .boolean(step.isActive),
            "values": .array(
                step.values.map {
                    ["name": .string($0.name), "value": .string($0.text), "from": .string(files.describe($0.origin))]
                }),
        ]
    }
}

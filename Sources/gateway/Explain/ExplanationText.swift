import Configuration
import Plugins
import Proxy

extension Explanation {
    /// For a terminal.
    package var text: String {
        var text = "\(request.method) \(url)\n\n" + TextTable(rows: facts).text
        if let identity { text += "\nidentity\n" + self.text(identity) }
        if !nearMisses.isEmpty {
            let rows = nearMisses.map { ["", $0.identity, $0.reason, $0.place] }
            text += "\nwhy not the others\n" + TextTable(rows: rows).text
            if otherCount > 0 { text += "  and \(otherCount) more, further away\n" }
        }
        if let pipeline { text += "\npipeline\n" + self.text(pipeline) }
        return text
    }

    private var facts: [[String]] {
        let assumption = isListenerAssumed ? "assumed: --listener names another" : ""
        var rows = [["listener", "\(listener.name) (\(listener.address.value))", assumption]]
        if !preview.host.isEmpty { rows.append(["host", preview.host]) }
        if !preview.path.isEmpty { rows.append(["path", preview.path, "canonical: what is matched and sent on"]) }
        if !query.isEmpty { rows.append(["query", query]) }
        if let route { rows.append(["route", route.identity, files.describe(route.location)]) }
        for capture in preview.captures where !capture.name.isEmpty {
            rows.append(["parameter", "\(capture.name) = \(capture.value)"])
        }
        switch preview.outcome {
        case .route: rows += served
        case .answer(let answer):
            rows.append(["answer", "\(answer.status) \(answer.code)", answer.detail])
            if let allow = answer.allow { rows.append(["", "Allow: \(allow)"]) }
            if let challenge = answer.challenge { rows.append(["", "WWW-Authenticate", challenge]) }
        }
        return rows
    }

    private var served: [[String]] {
        var rows: [[String]] = []
        if let path = upstreamPath {
            if case .proxy(let proxy) = action {
                if let split = proxy.split {
                    for (index, side) in split.sides.enumerated() {
                        let mark = index == preview.splitSide ? ": takes this request" : ""
                        let text = "\(side.upstreamName), weight \(side.weight.value)\(mark)"
                        rows.append(["upstream", text, files.describe(side.weight.origin)])
                    }
                    rows.append(["split", splitDecision(split), split.key.map { files.describe($0.origin) } ?? ""])
                }
                if proxy.split == nil {
                    rows.append(["upstream", proxy.upstreamName, files.describe(proxy.location)])
                }
            }
            rows.append(["upstream path", path, preview.upstreamPath == preview.path ? "" : "rewritten"])
            if let upstreamQuery, upstreamQuery != query {
                rows.append(["upstream query", upstreamQuery.isEmpty ? "none" : upstreamQuery, "rewritten"])
            }
        }
        if let location = redirectLocation, case .redirect(let redirect) = action {
            rows.append(["answer", "\(redirect.status.value) Location: \(location)", files.describe(redirect.location)])
        }
        if case .respond(let response) = action {
            rows.append(["answer", "\(response.status.value), a fixed response", files.describe(response.location)])
        }
        return rows
    }

    private func text(_ identity: ExplainedIdentity) -> String {
        var rows: [[String]] = []
        for decision in identity.decisions {
            let name = "\(decision.plugin.key)  \(decision.name)"
            rows.append(["", name, decision.outcome.word, decision.reason, files.describe(decision.origin)])
        }
        var text = TextTable(rows: rows).text
        for remark in identity.remarks { text += "  note: \(remark)\n" }
        let trace = identity.trace
        guard trace.refusal == nil else { return text }
        let sent = identity.sentUpstream
        text += sent.isEmpty ? "  the upstream is told nothing about the caller\n" : "  the upstream gets\n"
        for line in sent { text += "    \(line)\n" }
        if let header = identity.internalHeader, let claims = identity.internalClaims {
            text += "  the internal token, which nobody has signed here\n"
            for part in [header, claims] {
                for line in part.text.split(separator: "\n") { text += "    \(line)\n" }
            }
        }
        return text
    }

    private func text(_ pipeline: ExplainedPipeline) -> String {
        var rows: [[String]] = []
        for (index, step) in pipeline.steps.enumerated() {
            let number = index + 1 < 10 ? " \(index + 1)" : "\(index + 1)"
            rows.append(["", "\(number) \(step.step.title)", step.isActive ? "on" : "off"])
            for value in step.values {
                rows.append(["", "     \(value.name)", value.text, files.describe(value.origin)])
            }
        }
        return TextTable(rows: rows).text
    }
}

extension IdentityTrace.Outcome {
    var word: String {
        switch self {
        case .good: "ok"
        case .bad: "no"
        case .unchecked: "?"
        case .neutral: "-"
        }
    }

    /// For programs.
    var name: String {
        switch self {
        case .good: "good"
        case .bad: "bad"
        case .unchecked: "unchecked"
        case .neutral: "neutral"
        }
    }
}

import Base
import HTTP

/// What a match carries from node to node.
private struct Search {
    let path: ByteView
    let query: ByteView
    let listener: UInt64
    let method: UInt64
    /// The methods of the routes that match in all but the method.
    var allowed: UInt64 = 0
    var captureCount = 0
}

extension RouteLayout {
    /// Hosts from the most specific on; in each, depth first with the better segment first: the first match is the
    /// best.
    func match(_ request: RouteRequest, fields: borrowing HeaderList, into match: RouteMatch) {
        var search = Search(
            path: request.path, query: request.query, listener: 1 << UInt64(truncatingIfNeeded: request.listener & 63),
            method: methodMask(request.method, token: request.methodToken))
        let host = request.host
        var isServedHere = false
        var isServedElsewhere = false
        match.captureCount = 0
        let hasPath = request.path.count > 0 && request.path[0] == ASCII.slash

        var step = HostStep(host: host)
        while let slot = nextHost(&step) {
            let entry = hosts[slot]
            guard entry.listeners & search.listener != 0 else {
                isServedElsewhere = true
                continue
            }
            isServedHere = true
            if hasPath, walk(Int(entry.root), from: 1, &search, fields, match) { return }
        }
        if anyHostRoot != 0, hasPath, walk(Int(anyHostRoot), from: 1, &search, fields, match) { return }
        match.captureCount = 0
        if search.allowed != 0 {
            match.outcome = .methodNotAllowed(MethodSet(bits: search.allowed))
        } else {
            match.outcome = isServedElsewhere && !isServedHere ? .misdirected : .notFound
        }
    }

    /// Where the enumeration of a host's entries stands: the host itself, then its suffixes from the longest on.
    struct HostStep {
        let host: ByteView
        /// Where the next label to cut off begins; -1 before the host itself.
        var position = -1
        /// How many labels are left from `position` on; 0 when not yet counted.
        var labels = 0

        init(host: ByteView) { self.host = host }
    }

    /// The next slot of the host table that matches, most specific first.
    func nextHost(_ step: inout HostStep) -> Int? {
        guard hosts.count > 0 else { return nil }
        if step.position < 0 {
            step.position = 0
            if let slot = hostSlot(step.host, isWildcard: false) { return slot }
        }
        guard wildcardLabelCounts != 0, step.host.count <= 255 else { return nil }
        if step.labels == 0 { step.labels = 1 + step.host.count(of: ASCII.dot) }
        while let dot = step.host.firstIndex(of: ASCII.dot, from: step.position) {
            step.position = dot + 1
            step.labels -= 1
            // A wildcard stands for at least one label, which isn't empty.
            guard dot > 0, wildcardLabelCounts & (1 << UInt64(min(step.labels, 63))) != 0 else { continue }
            if let slot = hostSlot(step.host.from(dot + 1), isWildcard: true) { return slot }
        }
        return nil
    }

    private func hostSlot(_ host: ByteView, isWildcard: Bool) -> Int? {
        let mask = hosts.count - 1
        var slot = Int(truncatingIfNeeded: SegmentHash.hash(host, seed: isWildcard ? 1 : 0)) & mask
        while hosts[slot].root != 0 {
            if hosts[slot].isWildcard == isWildcard, view(hosts[slot].text).isSame(as: host) { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Tries all routes below `node`. `position` is where the next segment begins; one past the path's end when there
    /// is none.
    ///
    /// Recursion is as deep as the trie, at most `PathPattern.segmentLimit`, however many segments a path has.
    private func walk(
        _ index: Int, from position: Int, _ search: inout Search, _ fields: borrowing HeaderList,
        _ match: RouteMatch
    ) -> Bool {
        let node = nodes[index]
        let path = search.path
        if position > path.count {
            if node.exactCount != 0, pick(Int(node.exactStart), Int(node.exactCount), &search, fields, match) {
                return true
            }
            guard node.restCount != 0 else { return false }
            return pickRest(node, from: path.count, &search, fields, match)
        }
        if node.literalCount | node.parameterChild != 0 {
            var end = position
            while end < path.count, path.base[end] != ASCII.slash { end += 1 }
            if node.literalCount != 0, let child = child(of: index, by: path[position..<end]) {
                if walk(child, from: end + 1, &search, fields, match) { return true }
            }
            if node.parameterChild != 0, end > position {
                capture(position..<end, search.captureCount, match)
                search.captureCount += 1
                if walk(Int(node.parameterChild), from: end + 1, &search, fields, match) { return true }
                search.captureCount -= 1
            }
        }
        guard node.restCount != 0 else { return false }
        return pickRest(node, from: position, &search, fields, match)
    }

    private func pickRest(
        _ node: Node, from position: Int, _ search: inout Search, _ fields: borrowing HeaderList,
        _ match: RouteMatch
    ) -> Bool {
        capture(position..<search.path.count, search.captureCount, match)
        search.captureCount += 1
        if pick(Int(node.restStart), Int(node.restCount), &search, fields, match) { return true }
        search.captureCount -= 1
        return false
    }

    private func capture(_ range: Range<Int>, _ index: Int, _ match: RouteMatch) {
        match.captures[index] = RouteMatch.Capture(
            start: UInt32(truncatingIfNeeded: range.lowerBound), count: UInt32(truncatingIfNeeded: range.count))
    }

    func child(of node: Int, by segment: ByteView) -> Int? {
        let mask = edges.count - 1
        let parent = UInt32(truncatingIfNeeded: node)
        var slot = Int(truncatingIfNeeded: SegmentHash.hash(segment, seed: UInt64(parent))) & mask
        while true {
            let edge = edges[slot]
            if edge.child == 0 { return nil }
            if edge.parent == parent, view(edge.text).isSame(as: segment) { return Int(edge.child) }
            slot = (slot + 1) & mask
        }
    }

    /// Takes the first candidate that the request satisfies; they are in the order of their rank.
    private func pick(
        _ start: Int, _ count: Int, _ search: inout Search, _ fields: borrowing HeaderList, _ match: RouteMatch
    ) -> Bool {
        // A route that serves HEAD because it serves GET stands back behind all that name HEAD.
        var implied: Candidate?
        var index = start
        while index < start + count {
            let candidate = candidates[index]
            index += 1
            if candidate.listeners & search.listener == 0 { continue }
            if !candidate.namesMethods, implied != nil { break }
            if candidate.headerCount | candidate.queryCount != 0,
                !holds(candidate, query: search.query, fields: fields)
            {
                continue
            }
            if candidate.methods & search.method == 0 {
                search.allowed |= candidate.methods
                continue
            }
            if candidate.impliesHead, search.method == Self.headBit {
                if implied == nil { implied = candidate }
                continue
            }
            return accept(candidate, search, match)
        }
        guard let implied else { return false }
        return accept(implied, search, match)
    }

    private func accept(_ candidate: Candidate, _ search: Search, _ match: RouteMatch) -> Bool {
        match.outcome = .route(Int(candidate.route))
        match.captureCount = search.captureCount
        return true
    }

    private func holds(_ candidate: Candidate, query: ByteView, fields: borrowing HeaderList) -> Bool {
        var index = Int(candidate.conditionStart)
        let headerEnd = index + Int(candidate.headerCount)
        let end = headerEnd + Int(candidate.queryCount)
        while index < headerEnd {
            let condition = conditions[index]
            guard condition.kind.holds(forField: view(condition.name), value: view(condition.value), in: fields) else {
                return false
            }
            index += 1
        }
        while index < end {
            let condition = conditions[index]
            guard condition.kind.holds(forParameter: view(condition.name), value: view(condition.value), in: query)
            else { return false }
            index += 1
        }
        return true
    }
}

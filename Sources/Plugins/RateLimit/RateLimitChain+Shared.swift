import Base
import HTTP
import Redis
import Routing
import Traffic

/// Limits whose buckets are in a store: asked all at once, and decided about when the answer is there.
extension RateLimitChain {
    /// The store's answer for the limits of a phase.
    package func settle(
        _ answer: BucketAnswer, to inquiry: SharedInquiry, _ request: borrowing RequestHead,
        now: MonotonicTime, state: RateLimitState
    ) -> RateLimitVerdict {
        for place in 0..<min(inquiry.question.count, answer.count) {
            let part = inquiry[place]
            withRule(part.rule) { rule in
                let standing = rule.law.standing(
                    timeToFull: answer.timeToFull(place), cost: part.cost, isAllowed: answer.isAllowed(place))
                let rest = part.batch > part.cost ? answer.taken(place) - part.cost : 0
                note(rest > 0 ? standing.withMore(rest, by: rule.law) : standing, of: rule, part.rule, state: state)
                stock(part, answer.taken(place), answer.timeToFull(place), of: rule, now: now)
            }
        }
        if state.refused != 0 {
            giveBack(request, state)
            return .refuse
        }
        if inquiry.phase == .anonymous, isActive(in: .identified) { noteCharges(answer, inquiry, state) }
        return .proceed
    }

    /// Remembers what the store has charged, until the second phase has let the request through as well.
    private func noteCharges(_ answer: BucketAnswer, _ inquiry: SharedInquiry, _ state: RateLimitState) {
        inquiry.beginReturns()
        for place in 0..<min(inquiry.question.count, answer.count) where answer.isAllowed(place) {
            let part = inquiry[place]
            guard case .shared(let limit) = rules[part.rule].backing else { continue }
            let bit: UInt8 = 1 << UInt8(truncatingIfNeeded: part.rule)
            if limit.stock == nil {
                inquiry.addReturn(place)
                state.charged |= bit
            } else {
                // The loop's own stock takes it.
                state.taken |= bit
                state.stocked |= bit
                state.keys[part.rule] = part.key
            }
        }
    }

    /// The request goes no further, and the store is told so, or can't be.
    package func chargesGivenBack(_ request: borrowing RequestHead, _ state: RateLimitState) {
        for index in 0..<rules.count where state.charged & 1 << UInt8(index) != 0 {
            raise(index, by: rules[index].cost.cost(of: request), state)
        }
        state.charged = 0
    }

    /// The store gives no answer: each limit takes its own decision.
    package func settle(
        withoutAnswerTo inquiry: SharedInquiry, _ request: borrowing RequestHead, now: MonotonicTime,
        state: RateLimitState
    ) -> RateLimitVerdict {
        var isUnavailable = false
        for place in 0..<inquiry.question.count {
            let part = inquiry[place]
            let rule = rules[part.rule]
            guard case .shared(let limit) = rule.backing else { continue }
            if part.batch > part.cost { limit.stock?.gotNone(key: part.key, now: now) }
            switch limit.failure {
            case .local: take(part.cost, of: rule, part.rule, key: part.key, now: now, state: state)
            case .allow: rule.metrics.count(.unansweredAllowed)
            case .refuse:
                rule.metrics.count(rule.isShadow ? .unansweredAllowed : .unansweredRefused)
                if !rule.isShadow { isUnavailable = true }
            }
        }
        if state.refused == 0, !isUnavailable { return .proceed }
        giveBack(request, state)
        return state.refused == 0 ? .unavailable : .refuse
    }

    // MARK: Stock

    /// - Returns: whether the loop had the tokens.
    @inline(__always)
    func takeFromStock(
        _ cost: Int, of rule: RateLimitRule, _ limit: SharedLimit, _ index: Int, key: UInt64, now: MonotonicTime,
        state: RateLimitState
    ) -> Bool {
        guard let stock = limit.stock, let standing = stock.take(cost, key: key, now: now) else { return false }
        let bit: UInt8 = 1 << UInt8(truncatingIfNeeded: index)
        state.taken |= bit
        state.stocked |= bit
        state.keys[index] = key
        note(standing, of: rule, index, state: state)
        return true
    }

    /// Keeps what came beyond the request's own tokens.
    private func stock(
        _ part: SharedInquiry.Part, _ taken: Int, _ timeToFull: TimeAmount, of rule: RateLimitRule,
        now: MonotonicTime
    ) {
        guard part.batch > part.cost, case .shared(let limit) = rule.backing, let stock = limit.stock else { return }
        if taken > part.cost {
            stock.put(taken - part.cost, key: part.key, timeToFull: timeToFull, now: now)
        } else {
            stock.gotNone(key: part.key, now: now)
        }
    }

    // MARK: Asking

    /// Has the store asked for a limit.
    func ask(
        _ limit: SharedLimit, _ part: SharedInquiry.Part, _ inquiry: SharedInquiry, _ request: borrowing RequestHead,
        parameters: RouteMatch, client: IPAddress?, identity: RouteIdentity?
    ) {
        limit.hasher.append(limit.form)
        rules[part.rule].key.append(
            request, parameters: parameters, client: client, identity: identity, to: limit.hasher)
        inquiry.add(part, limit, limit.hasher.finish())
    }
}

extension RateLimitKey {
    /// Appends all that the request is counted by.
    func append(
        _ request: borrowing RequestHead, parameters: RouteMatch, client: IPAddress?,
        identity: RouteIdentity?, to hasher: SharedKeyHasher
    ) {
        for part in parts {
            switch part {
            case .client(let prefix):
                guard let address = client?.network(prefix) else {
                    hasher.appendNothing()
                    continue
                }
                hasher.text.append(byte: address.isIPv4 ? 0x34 : 0x36)
                hasher.text.append(hex: Int(bitPattern: UInt(address.high)))
                hasher.text.append(":")
                hasher.text.append(hex: Int(bitPattern: UInt(address.low)))
            case .spiffeID: append(identity?.spiffeID, to: hasher)
            case .tenant: append(identity?.tenant, to: hasher)
            case .claim(let index): append(identity?.claim(index), to: hasher)
            case .field(let name, let known): append(name, known, in: request.fields, to: hasher)
            case .host: append(request.host, to: hasher)
            case .capture(let index):
                guard index < parameters.captureCount else {
                    hasher.appendNothing()
                    continue
                }
                PathEscapes.withDecoded(parameters.capture(index, in: request.path)) { append($0, to: hasher) }
            case .fixed(let text): append(text, to: hasher)
            case .nothing: hasher.appendNothing()
            }
        }
    }

    private func append(_ text: ByteView?, to hasher: SharedKeyHasher) {
        guard let text, !text.isEmpty else { return hasher.appendNothing() }
        hasher.append(text)
    }

    /// Of several lines all count.
    private func append(
        _ name: ByteView, _ known: KnownField, in fields: borrowing HeaderList, to hasher: SharedKeyHasher
    ) {
        var line = Self.index(of: name, known, in: fields, from: 0)
        if line == nil { hasher.appendNothing() }
        while let found = line {
            hasher.append(fields.value(at: found))
            line = Self.index(of: name, known, in: fields, from: found + 1)
        }
        hasher.text.append(";")
    }
}

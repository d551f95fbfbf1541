import Base
import HTTP
import Routing

/// The plugin `response_transform` of a route, compiled. One loop's own: it keeps the memory that rendering needs.
package final class ResponseTransformRule {
    /// What a rule is made of. All values are in `texts`.
    package struct Parts {
        package var texts = TextTable([])
        package var statuses: [ClosedRange<Int>] = []
        package var headers: [FieldOperation] = []
        package var mappings: [(from: ClosedRange<Int>, to: Int)] = []
        package var bodyStatuses: [ClosedRange<Int>] = []
        package var body: Body?

        package init() {}
    }

    package enum Body {
        case json(BodyEditRule)
        /// In place of the upstream's. Texts must live as long as the rule.
        case text(ByteView, contentType: ByteView)
    }

    private let texts: TextTable
    private let statuses: [ClosedRange<Int>]
    private let headers: HeaderEdit
    private let mappings: [(from: ClosedRange<Int>, to: Int)]
    private let bodyStatuses: [ClosedRange<Int>]
    private let body: Body?
    private var rendered = RenderedTexts()

    /// - Parameter parts: mappings of single statuses must come before those of classes.
    package init(_ parts: Parts) {
        texts = parts.texts
        needs = parts.texts.needs
        statuses = parts.statuses
        headers = HeaderEdit(parts.headers)
        mappings = parts.mappings
        bodyStatuses = parts.bodyStatuses
        body = parts.body
        let changeable: RequestFactSet = [.fields, .query]
        let isBodyEdited = if case .json = parts.body { true } else { false }
        withheldFields = isBodyEdited ? Self.withheldFields(parts.statuses, parts.bodyStatuses) : []
        readsAhead = parts.texts.count > 0 && (isBodyEdited || !parts.texts.needs.isDisjoint(with: changeable))
    }

    /// Whether values are read, and kept, before the request is changed: what they are read from may change, or they
    /// are needed for longer than one call. Other rules read them when the answer comes.
    package let readsAhead: Bool
    /// What the values are read from.
    package let needs: RequestFactSet

    /// What requests must not ask for, so that the answer's body can be edited: a content coding, or a part of it.
    package let withheldFields: KnownFieldSet

    private static func withheldFields(
        _ statuses: [ClosedRange<Int>], _ bodyStatuses: [ClosedRange<Int>]
    ) -> KnownFieldSet {
        let coding = KnownFieldSet(.acceptEncoding)
        // Who asks for a part of what would be 200 gets 206.
        let isAboutSuccess = [200, 206].contains { holds(bodyStatuses, $0) && holds(statuses, $0) }
        return isAboutSuccess ? coding.and(.range).and(.ifRange) : coding
    }

    /// Reads the values. One that can't be used counts as missing: the answer has nothing to do with it.
    package func render(
        _ facts: borrowing RequestFacts, fields: borrowing HeaderList, parameters: RouteMatch,
        into texts: inout RenderedTexts
    ) {
        texts.removeAll()
        _ = self.texts.render(facts, fields: fields, parameters: parameters, isLenient: true, into: &texts)
    }

    /// Whether answers with this status of the upstream's are changed.
    package func applies(to status: Int) -> Bool { Self.holds(statuses, status) }

    private static func holds(_ ranges: [ClosedRange<Int>], _ status: Int) -> Bool {
        ranges.isEmpty || ranges.contains { $0.contains(status) }
    }

    /// What becomes of the body; nil when it stays.
    package func body(for status: Int) -> Body? {
        guard let body, Self.holds(bodyStatuses, status) else { return nil }
        return body
    }

    /// What the status becomes.
    package func mapped(_ status: Int) -> Int {
        for mapping in mappings where mapping.from.contains(status) { return mapping.to }
        return status
    }

    /// Changes the header lines, with values that were read ahead.
    package func apply(to fields: inout HeaderList, _ texts: borrowing RenderedTexts) {
        headers.apply(to: &fields, texts)
    }

    /// Reads the values and changes the header lines.
    /// - Parameter request: the fields of the request.
    package func apply(
        to fields: inout HeaderList, _ facts: borrowing RequestFacts, request: borrowing HeaderList,
        parameters: RouteMatch
    ) {
        render(facts, fields: request, parameters: parameters, into: &rendered)
        headers.apply(to: &fields, rendered)
    }
}

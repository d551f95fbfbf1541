import Base
import HTTP
import Routing

/// The plugin `response_transform` of a route, compiled. One loop's own.
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

    private let parts: Parts

    /// - Parameter parts: mappings of single statuses must come before those of classes.
    package init(_ parts: Parts) { self.parts = parts }

    /// Whether values are read from the request, which must happen before it is changed.
    package var hasTexts: Bool { parts.texts.count > 0 }

    /// Reads the values. One that can't be used counts as missing: the answer has nothing to do with it.
    package func render(
        _ facts: borrowing RequestFacts, fields: borrowing HeaderList, parameters: RouteMatch,
        into texts: inout RenderedTexts
    ) {
        texts.removeAll()
        _ = parts.texts.render(facts, fields: fields, parameters: parameters, isLenient: true, into: &texts)
    }

    /// Whether answers with this status of the upstream's are changed.
    package func applies(to status: Int) -> Bool { Self.holds(parts.statuses, status) }

    private static func holds(_ ranges: [ClosedRange<Int>], _ status: Int) -> Bool {
        ranges.isEmpty || ranges.contains { $0.contains(status) }
    }

    /// What becomes of the body; nil when it stays.
    package func body(for status: Int) -> Body? { Self.holds(parts.bodyStatuses, status) ? parts.body : nil }

    /// What the status becomes.
    package func mapped(_ status: Int) -> Int {
        for mapping in parts.mappings where mapping.from.contains(status) { return mapping.to }
        return status
    }

    package func apply(to fields: inout HeaderList, _ texts: borrowing RenderedTexts) {
        fields.apply(parts.headers, texts)
    }
}

import Base
import HTTP
import Routing

/// The plugin `request_transform` of a route, compiled. One loop's own: it keeps the memory that rendering needs.
package final class RequestTransformRule {
    /// What a rule is made of. Operations are in their order, their values in `texts`, and those of the body in
    /// `bodyTexts`.
    package struct Parts {
        package var texts = TextTable([])
        package var headers: [FieldOperation] = []
        package var query: [FieldOperation] = []
        package var path: [PathPiece] = []
        package var method: Method?
        package var body: BodyEditRule?
        package var bodyTexts = TextTable([])
        package var refusesMissing = false

        package init() {}
    }

    /// A piece of the path for the upstream.
    package enum PathPiece {
        /// In canonical form.
        case literal(ByteView)
        /// What the route's path captured: canonical too, and put in as it is.
        case capture(Int)
        /// The text of this index, to be encoded.
        case rendered(Int)
    }

    package let method: Method?
    package let body: BodyEditRule?
    private let texts: TextTable
    private let bodyTexts: TextTable
    private let headers: HeaderEdit
    private let query: QueryEdit?
    private let path: [PathPiece]
    private let refusesMissing: Bool
    private var rendered = RenderedTexts()
    private var pathText = IOBuffer()

    package init(_ parts: Parts) {
        texts = parts.texts
        needs = parts.texts.needs
        bodyTexts = parts.bodyTexts
        headers = HeaderEdit(parts.headers, dropsSpellings: true)
        query = parts.query.isEmpty ? nil : QueryEdit(parts.query)
        path = parts.path
        method = parts.method
        body = parts.body
        refusesMissing = parts.refusesMissing
    }

    /// What the values are read from, but for those of the body.
    package let needs: RequestFactSet
    /// What all values are read from.
    package var bodyNeeds: RequestFactSet { needs.union(bodyTexts.needs) }
    package var changesQuery: Bool { query != nil }
    package var changesPath: Bool { !path.isEmpty }

    /// Reads all values, before anything is changed.
    /// - Parameter bodyValues: gets those of the body's operations; kept by the caller until the body is there.
    package func render(
        _ facts: borrowing RequestFacts, fields: borrowing HeaderList, parameters: RouteMatch,
        bodyValues: inout RenderedTexts
    ) -> TransformProblem? {
        bodyValues.removeAll()
        if let problem = render(facts, fields: fields, parameters: parameters) { return problem }
        if let problem = bodyTexts.render(facts, fields: fields, parameters: parameters, into: &bodyValues) {
            return .value(problem)
        }
        if refusesMissing, bodyValues.isAnyMissing { return .missing }
        return nil
    }

    /// The same, for a rule without body.
    @inline(__always)
    package func render(
        _ facts: borrowing RequestFacts, fields: borrowing HeaderList, parameters: RouteMatch
    ) -> TransformProblem? {
        rendered.removeAll()
        if texts.count == 0 { return nil }
        if let problem = texts.render(facts, fields: fields, parameters: parameters, into: &rendered) {
            return .value(problem)
        }
        if refusesMissing, rendered.isAnyMissing { return .missing }
        return nil
    }

    /// Changes the header lines, with the values that `render` has read.
    package func apply(to fields: inout HeaderList) { headers.apply(to: &fields, rendered) }

    /// The changed query; empty for none. Valid until the next call.
    package func editedQuery(_ original: ByteView) -> ByteView { query?.apply(to: original, rendered) ?? original }

    /// Appends the path for the upstream to `buffer`, which must be empty.
    package func appendPath(
        parameters: RouteMatch, original: ByteView, to buffer: inout IOBuffer
    ) -> TransformProblem? {
        pathText.removeAll()
        for piece in path {
            switch piece {
            case .literal(let text): pathText.append(text)
            case .capture(let index): pathText.append(parameters.capture(index, in: original))
            case .rendered(let index):
                // Without a value the path would be another one.
                guard let text = rendered[index], !text.isEmpty else { return .missing }
                if text.firstIndex(of: ASCII.slash) != nil || text.firstIndex(of: ASCII.backslash) != nil {
                    return .path
                }
                TextEncoding.appendEscaped(text, to: &pathText)
            }
        }
        // A value may have made a dot segment or an empty one: then it would lead elsewhere.
        let text = pathText.readable
        guard text.count <= RenderedTexts.lengthMaximum else { return .value(.tooLong) }
        buffer.reserve(CanonicalPath.capacity(for: text.count))
        guard let start = buffer.writable.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let outcome = try? CanonicalPath.write(text, to: start)
        else { return .path }
        buffer.commit(outcome.count)
        return buffer.readable == text ? nil : .path
    }
}

/// Why a request can't be transformed: 400.
package enum TransformProblem: Equatable, Sendable {
    /// A value can't stand where it should.
    case value(TextProblem)
    /// A value that must be there is missing.
    case missing
    /// The path that the values make is none in canonical form.
    case path
    /// The request has content, and the method that it gets takes none.
    case methodWithoutContent

    package var refusal: PluginRefusal { PluginRefusal(status: 400, code: code, detail: detail) }

    private var code: StaticString {
        switch self {
        case .value: "transform-value-invalid"
        case .missing: "transform-value-missing"
        case .path: "transform-path-invalid"
        case .methodWithoutContent: "transform-content-unexpected"
        }
    }

    private var detail: StaticString {
        switch self {
        case .value: "The request holds a value that can't be used here."
        case .missing: "The request lacks a value that is needed here."
        case .path: "The request holds a value that can't be part of a path."
        case .methodWithoutContent: "The request must have no content here."
        }
    }
}

import Base
import Configuration
import HTTP
import JOSE
import Plugins
import Routing

/// The document that bodies are read with: one for many routes, whose memory grows with what it has read.
final class BodyReader {
    private(set) lazy var document = JSONDocument()
}

/// Turns the transforms of a route into what its requests run through. Texts are kept in `texts`.
struct TransformCompiler {
    let texts: TextArena
    /// Where templates ask for claims.
    let claims: ClaimSlots
    var reader = BodyReader()
    let domain: String
    let routeName: String

    func compile(_ transform: RequestTransform) -> RequestTransformRule {
        var templates: [TextTemplate] = []
        var parts = RequestTransformRule.Parts()
        parts.headers = operations(transform.headers, &templates)
        parts.query = operations(transform.query, &templates)
        if let path = transform.path { parts.path = path.value.parts.map { piece($0, &templates) } }
        parts.texts = table(templates)
        parts.method = transform.method.map { method in method.value.withByteView { Method(token: $0) } }
        if let body = transform.body {
            var bodyTemplates: [TextTemplate] = []
            parts.body = rule(body, &bodyTemplates)
            parts.bodyTexts = table(bodyTemplates)
        }
        parts.refusesMissing = transform.onMissing.value == .refuse
        return RequestTransformRule(parts)
    }

    func compile(_ transform: ResponseTransform) -> ResponseTransformRule {
        var templates: [TextTemplate] = []
        var parts = ResponseTransformRule.Parts()
        parts.statuses = transform.statuses.map { $0.value.first...$0.value.last }
        parts.headers = operations(transform.headers, &templates)
        // A status of its own comes before its class.
        parts.mappings = transform.status.map { (from: $0.from.first...$0.from.last, to: $0.to.value) }
            .sorted { $0.from.count < $1.from.count }
        if let body = transform.body {
            parts.bodyStatuses = body.statuses.map { $0.value.first...$0.value.last }
            switch body.change {
            case .text(let text, let contentType):
                parts.body = .text(texts.keep(text.value), contentType: texts.keep(contentType.value))
            case .json: parts.body = rule(body, &templates).map { .json($0) }
            }
        }
        parts.texts = table(templates)
        return ResponseTransformRule(parts)
    }

    // MARK: Fields

    private func operations(_ edit: FieldEdit, _ templates: inout [TextTemplate]) -> [FieldOperation] {
        var operations = edit.remove.map { FieldOperation(texts.keep($0.value), .remove) }
        for rename in edit.rename {
            operations.append(FieldOperation(texts.keep(rename.from), .rename(to: texts.keep(rename.to.value))))
        }
        for entry in edit.replace {
            operations.append(FieldOperation(texts.keep(entry.name), .replace(value(entry.value.value, &templates))))
        }
        for entry in edit.set {
            operations.append(FieldOperation(texts.keep(entry.name), .set(value(entry.value.value, &templates))))
        }
        for entry in edit.append {
            operations.append(FieldOperation(texts.keep(entry.name), .append(value(entry.value.value, &templates))))
        }
        return operations
    }

    private func value(_ template: TextTemplate, _ templates: inout [TextTemplate]) -> OperationValue {
        if let constant = constant(template) { return .constant(constant) }
        templates.append(template)
        return .rendered(templates.count - 1)
    }

    /// What the template gives for every request of the route; nil if that depends on the request.
    private func constant(_ template: TextTemplate) -> ByteView? {
        if let constant = template.constant { return texts.keep(constant) }
        let isConstant = template.parts.allSatisfy { part in
            switch part {
            case .literal: true
            case .value(let value): value.attribute == .route || value.attribute == .domain
            }
        }
        guard isConstant else { return nil }
        var rendered = RenderedTexts()
        let problem = table([template]).render(
            RequestFacts(), fields: HeaderList(), parameters: RouteMatch(), into: &rendered)
        return problem == nil ? rendered[0].map { texts.keep($0) } : nil
    }

    private func piece(_ part: TextPart, _ templates: inout [TextTemplate]) -> RequestTransformRule.PathPiece {
        switch part {
        case .literal(let text): return .literal(texts.keep(text))
        case .value(let value):
            if case .pathParameter(_, let index) = value.attribute, value.steps.isEmpty { return .capture(index) }
            templates.append(TextTemplate(parts: [part]))
            return .rendered(templates.count - 1)
        }
    }

    // MARK: Bodies

    /// Nil for a fixed body.
    private func rule(_ body: BodyEdit, _ templates: inout [TextTemplate]) -> BodyEditRule? {
        guard case .json(let edit) = body.change else { return nil }
        var values: [BodyEditRule.Value] = []
        func operation(_ kind: JSONEdit.Operation.Kind, _ entry: JSONAssignment) -> JSONEdit.Operation {
            switch entry.value.value {
            case .literal(let json): values.append(.json(texts.keep(json)))
            case .text(let template):
                templates.append(template)
                values.append(.text(templates.count - 1))
            }
            return JSONEdit.Operation(kind, at: entry.pointer.tokens, value: values.count - 1)
        }
        var operations = edit.remove.map { JSONEdit.Operation(.remove, at: $0.value.tokens) }
        operations += edit.rename.map {
            JSONEdit.Operation(.rename, at: $0.pointer.tokens, newName: $0.name.value)
        }
        operations += edit.replace.map { operation(.replace, $0) }
        operations += edit.set.map { operation(.set, $0) }
        operations += edit.append.map { operation(.append, $0) }
        return BodyEditRule(
            operations, values: values, bytesMax: body.bytesMax.value, refusesUnfit: body.onUnfit.value == .refuse,
            document: reader.document)
    }

    // MARK: Templates

    func table(_ templates: [TextTemplate]) -> TextTable { TextTable(templates.map { $0.parts.map { compiled($0) } }) }

    private func compiled(_ part: TextPart) -> TextTable.Piece {
        switch part {
        case .literal(let text): .literal(texts.keep(text))
        case .value(let value): .value(attribute(value.attribute), value.steps.map { function($0) })
        }
    }

    private func attribute(_ attribute: RequestAttribute) -> TextAttribute {
        switch attribute {
        case .pathParameter(_, let index): .capture(index)
        case .query(let name): .query(texts.keep(name))
        case .header(let name): name.lowercased() == "host" ? .authority : .field(texts.keep(name))
        case .cookie(let name): .cookie(texts.keep(name))
        case .claim(let path): .claim(claims.index(of: path))
        case .spiffeID: .spiffeID
        case .tenant: .tenant
        case .requestID: .requestID
        case .clientAddress: .clientAddress
        case .route: .fixed(texts.keep(routeName))
        case .domain: .fixed(texts.keep(domain))
        case .method: .method
        case .host: .host
        }
    }

    private func function(_ step: TextStep) -> TextFunction {
        switch step {
        case .lower: .lower
        case .base64: .base64
        case .hash: .hash
        case .urlEscape: .urlEscape
        case .fallback(let text): .fallback(texts.keep(text))
        }
    }
}

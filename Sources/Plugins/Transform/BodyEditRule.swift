import Base
import HTTP
import JOSE

/// Changes to JSON bodies, compiled. One loop's own.
package final class BodyEditRule {
    /// Where a member's value comes from.
    package enum Value {
        /// A string: the text of this index in `RenderedTexts`.
        case text(Int)
        /// JSON as it is. Must live as long as the rule.
        case json(ByteView)
    }

    /// The longest body that is edited, in bytes.
    package let bytesMax: Int
    /// Whether a message whose body can't be edited is refused; otherwise it goes on as it came.
    package let refusesUnfit: Bool
    private let edit: JSONEdit
    private let plan: [Value]
    private var values = JSONEditValues()

    /// - Parameters:
    ///   - operations: their values are places in `values`.
    ///   - values: what the operations write.
    ///   - document: the loop's.
    package init(
        _ operations: [JSONEdit.Operation], values: [Value], bytesMax: Int, refusesUnfit: Bool,
        document: JSONDocument = JSONDocument()
    ) {
        edit = JSONEdit(operations, document: document)
        plan = values
        self.bytesMax = bytesMax
        self.refusesUnfit = refusesUnfit
    }

    /// Whether a body can be edited by what its head says.
    /// - Parameter length: in bytes; nil if it isn't known yet.
    package func problem(_ fields: borrowing HeaderList, length: Int?) -> BodyProblem? {
        guard let type = fields.firstIndex(of: .contentType) else { return .notJSON }
        if let problem = JSONContentType.problem(fields.value(at: type)) { return problem }
        // Of several lines, who reads the content may believe another one.
        if fields.firstIndex(of: .contentType, from: type + 1) != nil { return .ambiguousType }
        if let coding = fields.firstIndex(of: .contentEncoding) {
            let name = fields.value(at: coding)
            guard name.isEmpty || name.equalsIgnoringCase("identity"),
                fields.firstIndex(of: .contentEncoding, from: coding + 1) == nil
            else { return .encoded }
        }
        return length.map { $0 > bytesMax } ?? false ? .tooLarge : nil
    }

    /// Appends the edited body to `output`, which keeps what it held if that can't be done.
    package func apply(
        to body: ByteView, _ texts: borrowing RenderedTexts, into output: inout IOBuffer
    ) -> BodyProblem? {
        values.removeAll()
        for value in plan {
            switch value {
            case .json(let json): values.append(json: json)
            case .text(let index):
                guard let text = texts[index] else {
                    values.appendNone()
                    continue
                }
                guard values.append(text: text) else { return .valueNotUTF8 }
            }
        }
        do throws(JSONEditError) {
            try edit.apply(to: body, values: values, into: &output)
            return nil
        } catch {
            guard case .json(let problem) = error else { return .unfit(error) }
            switch problem {
            case .tooLarge, .tooDeep, .tooManyValues: return .tooComplex(problem)
            default: return .malformed(problem)
            }
        }
    }
}

/// Why a body stays as it is.
package enum BodyProblem: Error, Equatable, Sendable {
    /// Its type is neither `application/json` nor ends in `+json`.
    case notJSON
    /// Its type says that it is in another charset than UTF-8, or has parameters that can't be read: others might read
    /// other members than are edited.
    case notUTF8
    /// It has more than one type.
    case ambiguousType
    /// It has a content coding: compressed, say.
    case encoded
    /// More bytes than the rule takes.
    case tooLarge
    /// It may well be JSON, but nests deeper or holds more values than are read.
    case tooComplex(JSONError)
    /// It isn't JSON, or names a member twice.
    case malformed(JSONError)
    /// Its members are others than the operations expect.
    case unfit(JSONEditError)
    /// A value that was to be put in isn't UTF-8.
    case valueNotUTF8

    /// Of the answer when a request is refused for it.
    package var status: Int {
        switch self {
        case .notJSON, .notUTF8, .ambiguousType, .encoded: 415
        case .tooLarge, .tooComplex: 413
        case .malformed, .unfit, .valueNotUTF8: 400
        }
    }

    /// For logs: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .notJSON: "body-not-json"
        case .notUTF8: "body-not-utf8"
        case .ambiguousType: "body-type-ambiguous"
        case .encoded: "body-encoded"
        case .tooLarge: "body-too-large-to-edit"
        case .tooComplex: "body-too-complex-to-edit"
        case .malformed: "body-malformed"
        case .unfit: "body-unfit"
        case .valueNotUTF8: "transform-value-invalid"
        }
    }

    /// One sentence for the client.
    package var detail: StaticString {
        switch self {
        case .notJSON: "The content's type must be application/json here."
        case .notUTF8: "The content's type must not name another charset than UTF-8 here."
        case .ambiguousType: "The content must have one type here."
        case .encoded: "The content must not be compressed here."
        case .tooLarge: "The content is larger than this resource accepts."
        case .tooComplex(.tooDeep): "The content's JSON nests deeper than this resource accepts."
        case .tooComplex: "The content's JSON holds more values than this resource accepts."
        case .malformed: "The content is not valid JSON, or names a member twice."
        case .unfit: "The content's members are not of the types that this resource accepts."
        case .valueNotUTF8: "The request holds a value that can't be used here."
        }
    }

    /// What is wrong, for logs and explanations.
    package var message: String {
        switch self {
        case .notJSON: "its type is not JSON"
        case .notUTF8: "its type doesn't say UTF-8"
        case .ambiguousType: "it has more than one type"
        case .encoded: "it has a content coding"
        case .tooLarge: "it is too large"
        case .tooComplex(let error), .malformed(let error): "\(error.text)"
        case .unfit(let error): "\(error.text)"
        case .valueNotUTF8: "a value is not UTF-8"
        }
    }
}

import Base
import Plugins

/// What an exchange keeps for the transforms of its route: values that were read before the first change, and a body
/// that is edited. Taken from the worker's list, by routes that need it only.
final class HeldTransform {
    /// What becomes of the request's content.
    enum RequestBody {
        /// It isn't held.
        case none
        /// It is gathered, to be edited.
        case gathering
        /// What there is of it goes to the upstream in front of what comes.
        case held
    }

    /// What becomes of the answer's content.
    enum ResponseBody {
        /// It is passed on.
        case none
        /// It is gathered, to be edited.
        case gathering
    }

    var requestBody = RequestBody.none
    var responseBody = ResponseBody.none
    /// The values of the body's operations.
    var requestTexts = RenderedTexts()
    var responseTexts = RenderedTexts()
    /// Content of the request: as it came, then edited.
    var requestContent = IOBuffer()
    var responseContent = IOBuffer()
    /// Where content is edited.
    private var edited = IOBuffer()
    /// How much of the client's content is in `requestContent`, edited or not.
    var gatheredBytes = 0

    /// Makes it as new, but for a moderate amount of memory.
    func reset() {
        requestBody = .none
        responseBody = .none
        gatheredBytes = 0
        requestTexts.removeAll()
        responseTexts.removeAll()
        Self.empty(&requestContent)
        Self.empty(&responseContent)
        Self.empty(&edited)
    }

    /// Edits what there is of the request's content; it stays as it is if that can't be done.
    func editRequest(by rule: BodyEditRule) -> BodyProblem? {
        edited.removeAll()
        let problem = rule.apply(to: requestContent.readable, requestTexts, into: &edited)
        if problem == nil { swap(&requestContent, &edited) }
        return problem
    }

    /// The same with the answer's content.
    func editResponse(by rule: BodyEditRule) -> BodyProblem? {
        edited.removeAll()
        let problem = rule.apply(to: responseContent.readable, responseTexts, into: &edited)
        if problem == nil { swap(&responseContent, &edited) }
        return problem
    }

    private static func empty(_ buffer: inout IOBuffer) {
        if buffer.capacity > BufferPool.smallCapacity { buffer = IOBuffer() } else { buffer.removeAll() }
    }
}

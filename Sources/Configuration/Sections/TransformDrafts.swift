/// What one place says about `request_transform`. Classes, so that a route without one stays small.
final class RequestTransformDraft {
    var enabled: Setting<Bool>?
    var headers = FieldEditDraft()
    var query = FieldEditDraft()
    var method: Setting<String>?
    var path: Setting<TextTemplate>?
    var body: BodyEditDraft?
    var onMissing: Setting<MissingValuePolicy>?
}

/// What one place says about `response_transform`.
final class ResponseTransformDraft {
    var enabled: Setting<Bool>?
    var statuses: [Setting<AnswerStatuses>]?
    var headers = FieldEditDraft()
    var status: [StatusMapping] = []
    var body: BodyEditDraft?
}

struct FieldEditDraft {
    var remove: [Setting<String>]?
    var rename: [Named<Setting<String>>] = []
    var replace: [Named<Setting<TextTemplate>>] = []
    var set: [Named<Setting<TextTemplate>>] = []
    var append: [Named<[Setting<TextTemplate>]>] = []
}

final class BodyEditDraft {
    var statuses: [Setting<AnswerStatuses>]?
    var json: (draft: JSONMemberEditDraft, key: Int)?
    var text: Setting<String>?
    var contentType: Setting<String>?
    var bytesMax: Setting<Int>?
    var onUnfit: Setting<UnfitBodyPolicy>?
    /// Where it was written.
    var location: SourceLocation?
}

struct JSONMemberEditDraft {
    var remove: [Setting<JSONPointer>]?
    var rename: [JSONRename] = []
    var replace: [JSONAssignment] = []
    var set: [JSONAssignment] = []
    var append: [JSONAssignment] = []
}

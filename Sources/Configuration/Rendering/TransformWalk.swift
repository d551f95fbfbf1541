extension ModelWalk {
    static func walk<Sink: ModelSink>(_ transform: RequestTransform, _ sink: inout Sink) {
        sink.beginObject("request_transform")
        walk(transform.headers, "headers", &sink)
        walk(transform.query, "query", &sink)
        if let method = transform.method { sink.text("method", method) }
        if let path = transform.path { sink.text("path", path.value.description, path.origin) }
        if let body = transform.body { walk(body, &sink) }
        sink.text("on_missing", transform.onMissing.value.rawValue, transform.onMissing.origin)
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ transform: ResponseTransform, _ sink: inout Sink) {
        sink.beginObject("response_transform")
        walk(transform.statuses, &sink)
        walk(transform.headers, "headers", &sink)
        if !transform.status.isEmpty {
            sink.beginObject("status")
            for mapping in transform.status {
                sink.text(named: mapping.from.description, String(mapping.to.value), mapping.to.origin)
            }
            sink.endObject()
        }
        if let body = transform.body { walk(body, &sink) }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ statuses: [Setting<AnswerStatuses>], _ sink: inout Sink) {
        if statuses.isEmpty { return }
        sink.beginList("statuses")
        for status in statuses { sink.element(status.value.description, status.origin) }
        sink.endList()
    }

    private static func walk<Sink: ModelSink>(_ edit: FieldEdit, _ key: StaticString, _ sink: inout Sink) {
        if edit.isEmpty { return }
        sink.beginObject(key)
        if !edit.remove.isEmpty { sink.texts("remove", edit.remove) }
        if !edit.rename.isEmpty {
            sink.beginObject("rename")
            for rename in edit.rename { sink.text(named: rename.from, rename.to.value, rename.to.origin) }
            sink.endObject()
        }
        walk(edit.replace, "replace", &sink)
        walk(edit.set, "set", &sink)
        if !edit.append.isEmpty {
            sink.beginList("append")
            for entry in edit.append {
                sink.beginElement()
                sink.text("name", entry.name, entry.value.origin)
                sink.text("value", entry.value.value.description, entry.value.origin)
                sink.endObject()
            }
            sink.endList()
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(
        _ assignments: [FieldAssignment], _ key: StaticString, _ sink: inout Sink
    ) {
        if assignments.isEmpty { return }
        sink.beginObject(key)
        for entry in assignments { sink.text(named: entry.name, entry.value.value.description, entry.value.origin) }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ body: BodyEdit, _ sink: inout Sink) {
        sink.beginObject("body")
        walk(body.statuses, &sink)
        switch body.change {
        case .text(let text, let contentType):
            sink.text("text", text)
            sink.text("content_type", contentType)
        case .json(let edit):
            sink.beginObject("json")
            if !edit.remove.isEmpty {
                sink.beginList("remove")
                for pointer in edit.remove { sink.element(pointer.value.description, pointer.origin) }
                sink.endList()
            }
            if !edit.rename.isEmpty {
                sink.beginObject("rename")
                for rename in edit.rename {
                    sink.text(named: rename.pointer.description, rename.name.value, rename.name.origin)
                }
                sink.endObject()
            }
            walk(edit.replace, "replace", &sink)
            walk(edit.set, "set", &sink)
            walk(edit.append, "append", &sink)
            sink.endObject()
            sink.integer("bytes_max", body.bytesMax)
            sink.text("on_unfit", body.onUnfit.value.rawValue, body.onUnfit.origin)
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(
        _ assignments: [JSONAssignment], _ key: StaticString, _ sink: inout Sink
    ) {
        if assignments.isEmpty { return }
        sink.beginObject(key)
        for entry in assignments {
            // A string and a literal that read the same are different values.
            let value = entry.value.value
            let text = if case .text = value { "\"\(value)\"" } else { value.description }
            sink.text(named: entry.pointer.description, text, entry.value.origin)
        }
        sink.endObject()
    }
}

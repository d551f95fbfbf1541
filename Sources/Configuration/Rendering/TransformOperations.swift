/// One operation of a transform, for those who list them.
package struct TransformOperation {
    /// The key and what it is about: `headers.set X-Account`.
    package let name: String
    /// As it is written.
    package let text: String
    /// What is rendered for each request; nil for what isn't.
    package let template: TextTemplate?
    package let origin: Origin

    fileprivate init(_ name: String, _ text: String, _ origin: Origin, template: TextTemplate? = nil) {
        self.name = name
        self.text = text
        self.origin = origin
        self.template = template?.constant == nil ? template : nil
    }
}

extension RequestTransform {
    /// In the order in which they are carried out.
    package var operations: [TransformOperation] {
        var operations = headers.operations("headers") + query.operations("query")
        if let path {
            operations.append(TransformOperation("path", path.value.description, path.origin, template: path.value))
        }
        if let method { operations.append(TransformOperation("method", method.value, method.origin)) }
        if let body { operations += body.operations }
        operations.append(TransformOperation("on_missing", onMissing.value.rawValue, onMissing.origin))
        return operations
    }
}

extension ResponseTransform {
    /// In the order in which they are carried out.
    package var operations: [TransformOperation] {
        var operations = statuses.map { TransformOperation("statuses", $0.value.description, $0.origin) }
        operations += headers.operations("headers")
        operations += status.map {
            TransformOperation("status \($0.from)", String($0.to.value), $0.to.origin)
        }
        if let body { operations += body.operations }
        return operations
    }
}

extension FieldEdit {
    fileprivate func operations(_ group: String) -> [TransformOperation] {
        func list(_ key: String, _ entries: [FieldAssignment]) -> [TransformOperation] {
            entries.map {
                TransformOperation(
                    "\(group).\(key) \($0.name)", $0.value.value.description, $0.value.origin, template: $0.value.value)
            }
        }
        return remove.map { TransformOperation("\(group).remove", $0.value, $0.origin) }
            + rename.map { TransformOperation("\(group).rename \($0.from)", $0.to.value, $0.to.origin) }
            + list("replace", replace) + list("set", set) + list("append", append)
    }
}

extension BodyEdit {
    fileprivate var operations: [TransformOperation] {
        let wanted = statuses.map { TransformOperation("body.statuses", $0.value.description, $0.origin) }
        switch change {
        case .text(let text, let contentType):
            return wanted + [
                TransformOperation("body.text", text.value, text.origin),
                TransformOperation("body.content_type", contentType.value, contentType.origin),
            ]
        case .json(let edit):
            return wanted + edit.operations + [
                TransformOperation("body.bytes_max", SizeFormat.text(bytesMax.value), bytesMax.origin),
                TransformOperation("body.on_unfit", onUnfit.value.rawValue, onUnfit.origin),
            ]
        }
    }
}

extension JSONMemberEdit {
    fileprivate var operations: [TransformOperation] {
        func list(_ key: String, _ entries: [JSONAssignment]) -> [TransformOperation] {
            entries.map { entry in
                let value = entry.value.value
                let template: TextTemplate? = if case .text(let template) = value { template } else { nil }
                return TransformOperation(
                    "body.json.\(key) \(entry.pointer)", value.description, entry.value.origin, template: template)
            }
        }
        return remove.map { TransformOperation("body.json.remove", $0.value.description, $0.origin) }
            + rename.map { TransformOperation("body.json.rename \($0.pointer)", $0.name.value, $0.name.origin) }
            + list("replace", replace) + list("set", set) + list("append", append)
    }
}

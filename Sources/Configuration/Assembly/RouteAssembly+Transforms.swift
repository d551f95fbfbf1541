/// The transforms of a route: their templates' path parameters found in its path, and what its other plugins must give.
extension RouteAssembly {
    func transforms(
        _ merged: TransformBase, _ parameters: [String], jwt: JWTSettings?, spiffe: SPIFFESettings?
    ) -> (RequestTransform?, ResponseTransform?) {
        let resolver = TemplateResolver(
            route: self, parameters: parameters, hasToken: jwt != nil, hasIdentity: spiffe != nil)
        return (
            merged.enabledRequest.map { request($0, resolver) },
            merged.enabledResponse.map { response($0, resolver) }
        )
    }

    private func request(_ transform: RequestTransform, _ resolver: TemplateResolver) -> RequestTransform {
        if let path = transform.path, let rewrite = draft.rewrite?.draft,
            rewrite.path != nil || rewrite.stripPrefix != nil
        {
            report(
                at: path.origin, "`request_transform.path` and the path of `rewrite` exclude each other",
                expected: "one of them")
        }
        return RequestTransform(
            headers: fields(transform.headers, resolver, areHeaders: true),
            query: fields(transform.query, resolver, areHeaders: false), method: transform.method,
            path: transform.path.map(resolver.resolve), body: transform.body.flatMap { body($0, resolver) },
            onMissing: transform.onMissing)
    }

    private func response(_ transform: ResponseTransform, _ resolver: TemplateResolver) -> ResponseTransform {
        ResponseTransform(
            statuses: transform.statuses, headers: fields(transform.headers, resolver, areHeaders: true),
            status: transform.status, body: transform.body.flatMap { body($0, resolver) })
    }

    private func fields(_ edit: FieldEdit, _ resolver: TemplateResolver, areHeaders: Bool) -> FieldEdit {
        func fold(_ name: String) -> String { areHeaders ? name.lowercased() : name }
        var targets: Set<String> = []
        for rename in edit.rename where !targets.insert(fold(rename.to.value)).inserted {
            report(
                at: rename.to.origin, "`\(Visible.text(rename.to.value))` is the new name of two",
                expected: "each new name once")
        }
        checkNames(edit.rename.map { (fold($0.from), $0.to.origin) })
        checkNames(edit.replace.map { (fold($0.name), $0.value.origin) })
        checkNames(edit.set.map { (fold($0.name), $0.value.origin) })
        return FieldEdit(
            remove: edit.remove, rename: edit.rename, replace: edit.replace.map(resolver.resolve),
            set: edit.set.map(resolver.resolve), append: edit.append.map(resolver.resolve))
    }

    /// A header's name in two cases of letters is one name.
    private func checkNames(_ names: [(name: String, origin: Origin)]) {
        var seen: Set<String> = []
        for (name, origin) in names where !seen.insert(name).inserted {
            report(
                at: origin, "`\(Visible.text(name))` is named twice here",
                expected: "each name once, in any case of letters")
        }
    }

    /// Nil when the body stays as it is.
    private func body(_ edit: BodyEdit, _ resolver: TemplateResolver) -> BodyEdit? {
        guard edit.isEffective, case .json(let members) = edit.change else { return edit.isEffective ? edit : nil }
        for (list, name) in [(members.replace, "replace"), (members.set, "set"), (members.append, "append")] {
            checkPlaces(list, name)
        }
        for (index, rename) in members.rename.enumerated() {
            let parent = rename.pointer.tokens.dropLast()
            let isTaken = members.rename.prefix(index).contains {
                $0.pointer.tokens.dropLast() == parent && $0.name == rename.name
            }
            if isTaken {
                report(
                    at: rename.name.origin, "`\(Visible.text(rename.name.value))` is the new name of two members",
                    expected: "each new name once")
            }
        }
        let resolved = JSONMemberEdit(
            remove: members.remove, rename: members.rename, replace: members.replace.map(resolver.resolve),
            set: members.set.map(resolver.resolve), append: members.append.map(resolver.resolve))
        return BodyEdit(
            statuses: edit.statuses, change: .json(resolved), bytesMax: edit.bytesMax, onUnfit: edit.onUnfit)
    }

    /// No place may lie within another: whichever came second would change what the first one wrote.
    private func checkPlaces(_ list: [JSONAssignment], _ name: String) {
        for (index, entry) in list.enumerated() {
            let other = list.prefix(index).first {
                $0.pointer.isWithin(entry.pointer) || entry.pointer.isWithin($0.pointer)
            }
            if let other {
                report(
                    at: entry.value.origin,
                    "`\(Visible.text(entry.pointer.description))` and `\(Visible.text(other.pointer.description))` "
                        + "are not apart", expected: "places under `\(name)` of which none lies within another")
            }
        }
    }

    func report(at origin: Origin, _ message: String, expected: String, suggestion: String? = nil) {
        guard let place = origin.location else { return }
        owner(of: place).error(at: place, message, expected: expected, suggestion: suggestion)
    }
}

/// Makes templates complete for one route.
private struct TemplateResolver {
    let route: RouteAssembly
    let parameters: [String]
    let hasToken: Bool
    let hasIdentity: Bool

    func resolve(_ assignment: FieldAssignment) -> FieldAssignment {
        FieldAssignment(name: assignment.name, value: resolve(assignment.value))
    }

    func resolve(_ assignment: JSONAssignment) -> JSONAssignment {
        guard case .text(let template) = assignment.value.value else { return assignment }
        let resolved = resolve(Setting(value: template, origin: assignment.value.origin))
        return JSONAssignment(
            pointer: assignment.pointer, value: Setting(value: .text(resolved.value), origin: resolved.origin))
    }

    func resolve(_ template: Setting<TextTemplate>) -> Setting<TextTemplate> {
        if template.value.constant != nil { return template }
        let parts = template.value.parts.map { part -> TextPart in
            guard case .value(let value) = part else { return part }
            check(value, template.origin)
            guard case .pathParameter(let name, _) = value.attribute else { return part }
            guard let index = parameters.firstIndex(of: name) else {
                route.reportUnknown(parameter: name, in: template.origin, parameters)
                return part
            }
            return .value(TextValue(attribute: .pathParameter(name: name, index: index), steps: value.steps))
        }
        return Setting(value: TextTemplate(parts: parts), origin: template.origin)
    }

    /// What no request of the route can ever have is a mistake, unless there is a default.
    private func check(_ value: TextValue, _ origin: Origin) {
        if value.hasDefault { return }
        let plugin: String
        switch value.attribute {
        case .claim where !hasToken: plugin = "jwt"
        case .spiffeID where !hasIdentity, .tenant where !hasIdentity: plugin = "spiffe"
        default: return
        }
        route.report(
            at: origin, "`{\(value.attribute)}` needs the plugin `\(plugin)`, which \(route.title) hasn't",
            expected: "`\(plugin)` on the route, or a default such as `{\(value.attribute)|default:'none'}`")
    }
}

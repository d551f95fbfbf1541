import Base
import JOSE
import TestSupport
import Testing

/// An operation as a test writes it: kind, pointer without its first slash, and a value or new name.
typealias Edit = (kind: JSONEdit.Operation.Kind, pointer: String, value: String?)

/// What an edit makes of a text; a value begins with a quote to be a string, `nil` stands for one that is missing.
func edited(_ text: String, _ edits: [Edit]) -> Result<String, JSONEditError> {
    var values = JSONEditValues()
    var operations: [JSONEdit.Operation] = []
    for edit in edits {
        let pointer = edit.pointer.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch edit.kind {
        case .remove: operations.append(.init(.remove, at: pointer))
        case .rename: operations.append(.init(.rename, at: pointer, newName: edit.value ?? ""))
        case .replace, .set, .append:
            operations.append(.init(edit.kind, at: pointer, value: values.count))
            switch edit.value {
            case nil: values.appendNone()
            case let value? where value.hasPrefix("'"):
                let isText = String(value.dropFirst()).withByteView { values.append(text: $0) }
                #expect(isText)
            case let value?: value.withByteView { values.append(json: $0) }
            }
        }
    }
    let edit = JSONEdit(operations, document: JSONDocument(seed: 1))
    return ByteView.of(text) { view in
        var output = IOBuffer()
        output.append("before:")
        do throws(JSONEditError) {
            try edit.apply(to: view, values: values, into: &output)
            return .success(output.readable.from(7).string)
        } catch {
            #expect(output.readable == "before:")
            return .failure(error)
        }
    }
}

@Suite("JSON edits")
struct JSONEditTests {
    @Test(
        "each operation does its own",
        arguments: [
            // Removing.
            (#"{"a":1,"b":2}"#, [(.remove, "a", nil)], #"{"b":2}"#),
            (#"{"a":1,"b":2}"#, [(.remove, "b", nil)], #"{"a":1}"#),
            (#"{"a":1}"#, [(.remove, "a", nil)], "{}"), (#"{"a":1}"#, [(.remove, "z", nil)], #"{"a":1}"#),
            (#"{"a":{"b":1,"c":2}}"#, [(.remove, "a/b", nil)], #"{"a":{"c":2}}"#),
            (#"{"a":5}"#, [(.remove, "a/b", nil)], #"{"a":5}"#),
            (#"{"a":[1,2,3]}"#, [(.remove, "a/0", nil), (.remove, "a/2", nil)], #"{"a":[2]}"#),
            (#"{"a":[1]}"#, [(.remove, "a/01", nil), (.remove, "a/x", nil), (.remove, "a/1", nil)], #"{"a":[1]}"#),
            (#"[{"a":1}]"#, [(.remove, "0/a", nil)], "[{}]"),
            // Renaming.
            (#"{"a":1,"b":2}"#, [(.rename, "a", "c")], #"{"c":1,"b":2}"#),
            (#"{"a":1,"b":2}"#, [(.rename, "a", "b")], #"{"b":1}"#),
            (#"{"a":1,"b":2}"#, [(.rename, "a", "b"), (.rename, "b", "a")], #"{"b":1,"a":2}"#),
            (#"{"b":2}"#, [(.rename, "a", "b")], #"{"b":2}"#),
            (#"{"a":1}"#, [(.rename, "a", "a")], #"{"a":1}"#),
            (#"{"a":{"x":1}}"#, [(.rename, "a", "b"), (.rename, "a/x", "y")], #"{"b":{"y":1}}"#),
            (#"{"a":1}"#, [(.rename, "a", "\"\\\u{1}é")], "{\"\\\"\\\\\\u0001é\":1}"),
            (#"[{"a":1}]"#, [(.rename, "0/a", "b"), (.rename, "0", "x")], #"[{"b":1}]"#),
            // Replacing.
            (#"{"a":1}"#, [(.replace, "a", "'x")], #"{"a":"x"}"#),
            (#"{"b":1}"#, [(.replace, "a", "'x")], #"{"b":1}"#),
            (#"{"a":1,"b":2}"#, [(.replace, "a", nil)], #"{"b":2}"#),
            (#"{"a":[1,{"b":2}]}"#, [(.replace, "a/1/b", "true")], #"{"a":[1,{"b":true}]}"#),
            // Setting.
            (#"{}"#, [(.set, "a", "'x")], #"{"a":"x"}"#), (#"{"a":1}"#, [(.set, "a", "null")], #"{"a":null}"#),
            (#"{}"#, [(.set, "a/b", "1"), (.set, "a/c", "2")], #"{"a":{"b":1,"c":2}}"#),
            (#"{"a":{}}"#, [(.set, "a/b/c", "1")], #"{"a":{"b":{"c":1}}}"#),
            (#"{}"#, [(.set, "a/b", nil)], "{}"), (#"{"a":1,"b":2}"#, [(.set, "a", nil)], #"{"b":2}"#),
            (#"{"a":[1,2]}"#, [(.set, "a/1", "9")], #"{"a":[1,9]}"#),
            (#"{"a":5}"#, [(.set, "a/b", nil)], #"{"a":5}"#),
            // Appending.
            (#"{"a":[]}"#, [(.append, "a", "1")], #"{"a":[1]}"#),
            (#"{"a":[0]}"#, [(.append, "a", "1")], #"{"a":[0,1]}"#),
            (#"{}"#, [(.append, "a/b", "1")], #"{"a":{"b":[1]}}"#),
            (#"{"a":[0]}"#, [(.append, "a", nil)], #"{"a":[0]}"#),
            (#"{}"#, [(.append, "a", nil)], "{}"), (#"{"a":[[1]]}"#, [(.append, "a/0", "2")], #"{"a":[[1,2]]}"#),
            // Their order.
            (#"{"a":1}"#, [(.set, "a", "2"), (.remove, "a", nil)], #"{"a":2}"#),
            (#"{"a":1}"#, [(.set, "b", "2"), (.rename, "a", "b")], #"{"b":2}"#),
            (#"{"a":1}"#, [(.replace, "b", "2"), (.rename, "a", "b")], #"{"b":2}"#),
            (#"{}"#, [(.append, "a", "2"), (.set, "a", "[1]")], #"{"a":[1,2]}"#),
            (#"{"a":1}"#, [(.append, "c", "2"), (.set, "c", "[]"), (.rename, "a", "c")], #"{"c":[2]}"#),
        ] as [(String, [Edit], String)])
    func operations(text: String, edits: [Edit], expected: String) {
        #expect(edited(text, edits) == .success(expected))
    }

    @Test("what no operation names keeps its bytes: numbers, escapes, white space within")
    func bytes() {
        let text =
            " {\"n\": 1.50e+02 , \"big\": 123456789012345678901234567890, \"s\":\"\\u0041\\/\" ,\"o\": { \"x\" : [ 1 , 2 ] }, \"t\": 0 } "
        #expect(
            edited(text, [(.set, "t", "'v")])
                == .success(
                    "{\"n\":1.50e+02,\"big\":123456789012345678901234567890,\"s\":\"\\u0041\\/\",\"o\":{ \"x\" : [ 1 , 2 ] },\"t\":\"v\"}"
                ))
    }

    @Test(
        "numbers are copied, whatever their value and length",
        arguments: ["1e308", "1.7976931348623157e308", "-1E+400", "0e999", "1e-99999999999999999999", "9e307"]
            + [String(repeating: "9", count: 5000)])
    func numbers(number: String) {
        #expect(edited("{\"n\":\(number)}", [(.set, "t", "1")]) == .success("{\"n\":\(number),\"t\":1}"))
    }

    @Test("names are compared after decoding")
    func names() {
        #expect(edited(#"{"\u0061":1,"b":2}"#, [(.remove, "a", nil)]) == .success(#"{"b":2}"#))
        #expect(edited(#"{"\u0061":1}"#, [(.replace, "a", "2")]) == .success(#"{"\u0061":2}"#))
    }

    @Test(
        "what can't be edited is refused, and nothing is written",
        arguments: [
            (#"{"a":1,"a":2}"#, [(.remove, "b", nil)], .json(.duplicateName)),
            ("", [(.remove, "b", nil)], .json(.unexpectedEnd)),
            ("{", [(.remove, "b", nil)], .json(.unexpectedEnd)), ("{} x", [(.remove, "b", nil)], .json(.trailingBytes)),
            ("1", [(.set, "a", "1")], .notContainer), (#"{"a":"x"}"#, [(.set, "a/b", "1")], .notContainer),
            (#"{"a":null}"#, [(.append, "a/b", "1")], .notContainer), (#"{"a":{}}"#, [(.append, "a", "1")], .notArray),
            (#"{"a":[]}"#, [(.set, "a/0", "1")], .noElement), (#"{"a":[1]}"#, [(.set, "a/x", "1")], .noElement),
            (#"{"a":[1]}"#, [(.append, "a/1/b", "1")], .noElement),
            (
                String(repeating: "[", count: 65) + String(repeating: "]", count: 65), [(.remove, "0", nil)],
                .json(.tooDeep)
            ),
        ] as [(String, [Edit], JSONEditError)])
    func refusals(text: String, edits: [Edit], error: JSONEditError) {
        #expect(edited(text, edits) == .failure(error))
    }

    @Test("a text that is not UTF-8 is no value")
    func values() {
        var values = JSONEditValues()
        let isText = ByteView.of([0x61, 0xff]) { values.append(text: $0) }
        #expect(!isText && values.count == 0)
    }

    @Test("random edits of random texts give what a plain model gives")
    func model() {
        var random = FuzzPlan.random(seed: 77)
        var successes = 0
        let count = FuzzPlan.iterations(usual: 4_000)
        for _ in 0..<count {
            let tree = Tree.random(depth: 3, &random)
            let edits = Tree.edits(&random)
            let actual = edited(tree.text, edits)
            let expected = tree.applying(edits)
            if case .success(let text) = actual {
                successes += 1
                #expect(jsonError(Array(text.utf8), .keySet) == nil)
                #expect(text == expected?.text, "\(tree.text) \(edits)")
            } else {
                #expect(expected == nil, "\(tree.text) \(edits)")
            }
        }
        #expect(successes > count / 4)
    }

    @Test("bytes of any kind are edited or refused")
    func noise() {
        var random = FuzzPlan.random(seed: 78)
        for _ in 0..<FuzzPlan.iterations(usual: 3_000) {
            var bytes = Array(Tree.random(depth: 3, &random).text.utf8)
            for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var values = JSONEditValues()
            values.append(json: ByteView("1"))
            let edit = JSONEdit([.init(.remove, at: ["b"]), .init(.set, at: ["a", "b"], value: 0)])
            ByteView.of(bytes) { view in
                var output = IOBuffer()
                if (try? edit.apply(to: view, values: values, into: &output)) != nil {
                    #expect(jsonError(Array(output.readable.raw), .keySet) == nil)
                }
            }
        }
    }
}

/// JSON as a test thinks of it: members in their order.
indirect enum Tree: Equatable {
    case raw(String)
    case array([Tree])
    case object([(String, Tree)])

    static func == (left: Tree, right: Tree) -> Bool { left.text == right.text }

    var text: String {
        switch self {
        case .raw(let text): text
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\"\($0.0)\":\($0.1.text)" }.joined(separator: ",") + "}"
        }
    }

    static func random(depth: Int, _ random: inout RandomSource) -> Tree {
        let kind = depth == 0 ? 0 : Int.random(in: 0..<5, using: &random)
        switch kind {
        case 0: return .raw(["1", "true", "null", "\"x\"", "-0.50"].randomElement(using: &random) ?? "1")
        case 1:
            return .array(
                (0..<Int.random(in: 0..<3, using: &random)).map { _ in Tree.random(depth: depth - 1, &random) })
        default:
            let names = ["a", "b", "c", "0", "1"].filter { _ in Bool.random(using: &random) }
            return .object(names.map { ($0, Tree.random(depth: depth - 1, &random)) })
        }
    }

    /// Distinct places for each kind; those that write lie apart.
    static func edits(_ random: inout RandomSource) -> [Edit] {
        var edits: [Edit] = []
        for kind in JSONEdit.Operation.Kind.allCases {
            var taken: [[Substring]] = []
            for _ in 0..<Int.random(in: 0..<3, using: &random) {
                let tokens = (0..<Int.random(in: 1..<4, using: &random)).map { _ in
                    ["a", "b", "c", "0", "1"].randomElement(using: &random) ?? "a"
                }
                let pointer = tokens.joined(separator: "/")
                let split = pointer.split(separator: "/")
                // One rename at a time: the model knows no swaps.
                let isApart = !taken.contains { $0.starts(with: split) || split.starts(with: $0) }
                guard isApart, kind != .rename || taken.isEmpty else { continue }
                taken.append(split)
                switch kind {
                case .remove: edits.append((kind, pointer, nil))
                case .rename: edits.append((kind, pointer, ["a", "d"].randomElement(using: &random)))
                default: edits.append((kind, pointer, ["7", "'v", nil, "[]"].randomElement(using: &random) ?? nil))
                }
            }
        }
        return edits
    }

    /// The tree after all edits; nil if one doesn't fit. What takes elements away goes from behind, as if at once.
    func applying(_ edits: [Edit]) -> Tree? {
        var tree: Tree? = self
        for kind in JSONEdit.Operation.Kind.allCases {
            let own = edits.filter { $0.kind == kind }
            let shrinking = own.filter { $0.kind == .remove || $0.value == nil }.sorted { $0.pointer > $1.pointer }
            let others = own.filter { $0.kind != .remove && $0.value != nil }
            for edit in others + shrinking {
                tree = tree?.applying(edit, edit.pointer.split(separator: "/").map(String.init))
            }
        }
        return tree
    }

    private static func value(of edit: Edit) -> Tree? {
        edit.value.map { value in
            value == "[]" ? .array([]) : .raw(value.hasPrefix("'") ? "\"\(value.dropFirst())\"" : value)
        }
    }

    private func applying(_ edit: Edit, _ pointer: [String]) -> Tree? {
        let creates = (edit.kind == .set || edit.kind == .append) && edit.value != nil
        let rest = Array(pointer.dropFirst())
        switch self {
        case .raw: return creates ? nil : self
        case .array(var elements):
            guard let index = Int(pointer[0]), index < elements.count else { return creates ? nil : self }
            if !rest.isEmpty {
                guard let inner = elements[index].applying(edit, rest) else { return nil }
                elements[index] = inner
            } else {
                switch edit.kind {
                case .remove: elements.remove(at: index)
                case .rename: break
                case .replace, .set:
                    if let value = Self.value(of: edit) { elements[index] = value } else { elements.remove(at: index) }
                case .append:
                    guard let value = Self.value(of: edit) else { return self }
                    guard case .array(let inner) = elements[index] else { return nil }
                    elements[index] = .array(inner + [value])
                }
            }
            return .array(elements)
        case .object(var members):
            guard let place = members.firstIndex(where: { $0.0 == pointer[0] }) else {
                guard creates, let value = Self.value(of: edit) else { return self }
                var made: Tree = edit.kind == .append ? .array([value]) : value
                for name in rest.reversed() { made = .object([(name, made)]) }
                return .object(members + [(pointer[0], made)])
            }
            if !rest.isEmpty {
                guard let inner = members[place].1.applying(edit, rest) else { return nil }
                members[place].1 = inner
                return .object(members)
            }
            switch edit.kind {
            case .remove: members.remove(at: place)
            case .rename:
                let name = edit.value ?? ""
                let value = members[place].1
                if name != pointer[0] { members.removeAll { $0.0 == name } }
                if let own = members.firstIndex(where: { $0.0 == pointer[0] }) { members[own] = (name, value) }
            case .replace, .set:
                if let value = Self.value(of: edit) { members[place].1 = value } else { members.remove(at: place) }
            case .append:
                guard let value = Self.value(of: edit) else { return self }
                guard case .array(let inner) = members[place].1 else { return nil }
                members[place].1 = .array(inner + [value])
            }
            return .object(members)
        }
    }
}

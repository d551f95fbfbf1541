import Base
import HTTP
import Testing

private func list(_ fields: [(String, String)]) -> HeaderList {
    var list = HeaderList()
    for (name, value) in fields {
        name.withByteView { name in value.withByteView { list.append(name: name, value: $0) } }
    }
    return list
}

private func text(_ list: borrowing HeaderList) -> String {
    summary(of: list).map { "\($0.name)=\($0.value)" }.joined(separator: " ")
}

@Suite("Header lists")
struct HeaderListTests {
    @Test("fields keep order and case, and are found in any case")
    func lookup() {
        let fields = list([("B", "1"), ("aCCept", "2"), ("b", "3"), ("Host", "4")])
        #expect(text(fields) == "B=1 aCCept=2 b=3 Host=4")
        #expect(fields.contains(.accept) == true)
        #expect(fields.contains(.via) == false)
        #expect(fields.firstIndex(of: .host) == 3)
        #expect(fields.firstIndex(named: ByteView("ACCEPT")) == 1)
        #expect(fields.firstIndex(named: ByteView("b"), from: 1) == 2)
        #expect(fields.firstIndex(named: ByteView("c")) == nil)
        var combined = IOBuffer()
        fields.appendCombinedValue(named: ByteView("b"), to: &combined)
        #expect(combined.readable == "1, 3")
    }

    @Test("removed fields are skipped, and known ones forgotten with their last")
    func removal() {
        var fields = list([("Via", "1"), ("X", "2"), ("via", "3"), ("x", "4"), ("Y", "5")])
        fields.remove(at: 0)
        fields.remove(at: 0)
        #expect(fields.contains(.via) == true)
        #expect(fields.count == 4)
        fields.remove(at: 2)
        #expect(fields.contains(.via) == false)
        fields.removeAll(named: ByteView("X"))
        #expect(text(fields) == "Y=5")
        fields.removeAll()
        #expect(fields.count == 0 && fields.firstIndex == fields.endIndex)
    }

    @Test("every name in the list has its mark, in any case of letters; of an empty list none has")
    func marks() {
        let names = ["Host", "hOST", "X", "x", "X-Request-ID", "x_a", "Accept-Language", "~", "1", "Z-9"]
        #expect(names.allSatisfy { !HeaderList().nameMarks.mayHold(mark: $0.withByteView { NameMarks.mark(of: $0) }) })
        for name in names {
            var fields = list([("Via", "1"), (name, "2")])
            for written in [name, name.lowercased(), name.uppercased()] {
                #expect(fields.nameMarks.mayHold(mark: written.withByteView { NameMarks.mark(of: $0) }))
            }
            fields.remove(at: 0)
            fields.remove(at: 1)
            #expect(!fields.nameMarks.mayHold(mark: name.withByteView { NameMarks.mark(of: $0) }))
        }
    }

    @Test("a field can be set, also from bytes of the list itself")
    func setting() {
        var fields = list([("A", "1"), ("Via", "2"), ("a", "3")])
        fields.set(name: fields.name(at: 2), value: fields.value(at: 1))
        #expect(text(fields) == "Via=2 a=2")
        fields.set(.via, value: ByteView("9"))
        #expect(text(fields) == "a=2 Via=9")
        // Far beyond the first memory, so that it moves while its own bytes are copied.
        for _ in 0..<200 { fields.append(name: fields.name(at: 3), value: fields.value(at: 3)) }
        #expect(summary(of: fields).allSatisfy { $0.value == "2" || $0.value == "9" })
        #expect(fields.count == 202)
    }

    @Test(
        "a new name takes the place of what has it",
        arguments: [
            ("Via", "X-New", "X=2 X-New=1 X-New=3"), ("x", "Via", "Via=2"), ("X", "Accept", "Via=1 Via=3 Accept=2"),
            ("Via", "X", "X=1 X=3"), ("Y", "Via", "Via=1 X=2 Via=3"), ("via", "VIA", "X=2 VIA=1 VIA=3"),
        ])
    func renaming(name: String, other: String, expected: String) {
        var fields = list([("Via", "1"), ("X", "2"), ("Via", "3")])
        name.withByteView { name in
            other.withByteView { other in
                fields.rename(
                    name, known: KnownField(name: name), to: other, known: KnownField(name: other),
                    displaces: !name.equalsIgnoringCase(other))
            }
        }
        #expect(text(fields) == expected)
        #expect(fields.contains(.via) == expected.lowercased().contains("via="))
        #expect(fields.contains(.accept) == expected.contains("Accept="))
        #expect(fields.count == expected.split(separator: " ").count)
    }

    @Test("a line is a field as any other, also when the list has to grow for it")
    func lines() {
        let texts = TextArena()
        let line = FieldLine(name: ByteView("VIA"), value: ByteView("1.1 a"), in: texts)
        let empty = FieldLine(name: ByteView("X"), value: ByteView(), in: texts)
        var fields = HeaderList()
        for _ in 0..<100 {
            fields.append(line)
            fields.append(empty)
        }
        #expect(fields.count == 200 && fields.contains(.via) == true)
        #expect(summary(of: fields).allSatisfy { $0.name == "VIA" ? $0.value == "1.1 a" : $0.value.isEmpty })
        var encoded = IOBuffer()
        fields.remove(at: 0)
        HeadEncoder.appendFields(fields, to: &encoded)
        #expect(encoded.readable.string.hasPrefix("X: \r\nVIA: 1.1 a\r\nX: \r\n"))
        withExtendedLifetime(texts) {}
    }

    @Test("a value is built in place")
    func building() {
        var fields = HeaderList()
        fields.beginValue(.xForwardedFor)
        fields.appendToValue("10.0.0.1")
        fields.appendToValue(", port ")
        fields.appendToValue(decimal: 18_446_744_073_709_551_615)
        fields.finishValue()
        fields.append(.via, value: "x")
        #expect(text(fields) == "X-Forwarded-For=10.0.0.1, port 18446744073709551615 Via=x")
        #expect(fields.contains(.xForwardedFor) == true)
    }

    @Test("steady state keeps its memory")
    func memory() {
        var fields = HeaderList()
        #expect(fields.memoryBytes == 0)
        fields.append(.via, value: "x")
        let held = fields.memoryBytes
        for _ in 0..<100 {
            fields.removeAll()
            for _ in 0..<10 { fields.append(.via, value: "some value") }
        }
        #expect(fields.memoryBytes == held)
        fields.releaseMemory()
        #expect(fields.memoryBytes == 0)
    }

    @Test("what is about one connection is removed, and what Connection names, but not what the message needs")
    func hopByHop() {
        var fields = list([
            ("Host", "a"), ("Connection", "close, X-One, host, Content-Length, x-forwarded-for"), ("X-One", "1"),
            ("x-one", "2"), ("Connection", "X-TWO, X-Forwarded-Zone"), ("X-Two", "3"), ("Keep-Alive", "1"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"), ("HTTP2-Settings", "x"), ("Proxy-Connection", "x"), ("Transfer-Encoding", "chunked"),
            ("Trailer", "x"), ("Proxy-Authorization", "x"), ("Content-Length", "5"), ("X-Forwarded-For", "1"),
            ("X_Forwarded_For", "2"), ("x-forwarded-zone", "3"), ("X-Three", "4"), ("Te-x", "5"),
        ])
        fields.removeHopByHop()
        #expect(text(fields) == "Host=a Content-Length=5 X-Three=4 Te-x=5")
        var plain = list([("Host", "a"), ("Accept", "b")])
        plain.removeHopByHop()
        #expect(plain.count == 2)
    }

    @Test(
        "list elements are split at commas outside of quotes",
        arguments: [
            ("a, b ,c", "a|b|c"), ("", ""), (" , ,a,,", "a"), ("\"x,y\", z", "\"x,y\"|z"),
            ("\"x\\\",y\",z", "\"x\\\",y\"|z"),
            ("\"x,y", "\"x,y"), ("\"x\\", "\"x\\"),
        ])
    func elements(value: String, expected: String) {
        value.withByteView { view in
            var elements = ListElements(view)
            var found: [String] = []
            while let element = elements.next() { found.append(latin1(element)) }
            #expect(found.joined(separator: "|") == expected)
        }
    }
}

@Suite("Known fields")
struct KnownFieldTests {
    private func known(_ name: String) -> KnownField { name.withByteView { KnownField(name: $0) } }

    @Test(
        "every known name is recognised in every case, and nothing one byte away from it",
        arguments: KnownField.allCases)
    func names(field: KnownField) {
        let name = "\(field.name)"
        guard !name.isEmpty else { return }
        #expect(known(name) == field)
        #expect(known(name.lowercased()) == field)
        #expect(known(name.uppercased()) == field)
        for index in 0..<name.utf8.count {
            for byte in UInt8.min...UInt8.max {
                var changed = Array(name.utf8)
                if ASCII.lowercased(changed[index]) == ASCII.lowercased(byte) { continue }
                changed[index] = byte
                let other = changed.withUnsafeBytes { KnownField(name: ByteView($0)) }
                #expect(other != field)
            }
        }
        #expect(known(name + "x") != field)
        #expect(known(String(name.dropLast())) != field)
    }

    @Test(
        "names that the gateway sets are known in their underscore spelling",
        arguments: [
            "X_Forwarded_For", "x-forwarded_proto", "X_Forwarded-Host", "X_FORWARDED_PORT", "X_Forwarded_Anything",
            "X_Request_ID",
            "X_Real_IP", "x_spiffe_id", "X-Internal_JWT", "X_Internal_Token", "Transfer_Encoding", "Content_Length",
        ])
    func underscores(name: String) { #expect(known(name) == .underscoreSpelling) }

    @Test(
        "other names stay other",
        arguments: [
            "", "X", "X-", "X_Custom", "Accept_Encoding", "X-Forwarded", "X-Forwarded-", "Xforwardedfor",
            "x_y_z_forwarded_for",
        ])
    func others(name: String) { #expect(known(name) == .other) }

    @Test("other X-Forwarded names count as such")
    func forwarded() {
        #expect(known("X-Forwarded-Prefix") == .xForwardedOther)
        #expect(known("x-forwarded-ssl") == .xForwardedOther)
        #expect(known("X-Forwarded-" + String(repeating: "x", count: 200)) == .xForwardedOther)
        #expect(known("X_Forwarded-" + String(repeating: "x", count: 200)) == .underscoreSpelling)
    }
}

@Suite("Methods")
struct MethodTests {
    @Test("names are case-sensitive", arguments: HTTP.Method.allCases)
    func names(method: HTTP.Method) {
        guard method != .other else { return }
        #expect(HTTP.Method(token: ByteView(method.name)) == method)
        let lower = "\(method.name)".lowercased()
        #expect(lower.withByteView { HTTP.Method(token: $0) } == .other)
        let longer = "\(method.name)X"
        #expect(longer.withByteView { HTTP.Method(token: $0) } == .other)
    }

    @Test("safety and idempotency")
    func properties() {
        #expect(HTTP.Method.allCases.filter(\.isSafe) == [.get, .head, .options, .trace])
        #expect(HTTP.Method.allCases.filter(\.isIdempotent) == [.get, .head, .put, .delete, .options, .trace])
    }
}

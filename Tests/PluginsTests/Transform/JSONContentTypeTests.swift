import Base
import HTTP
import Plugins
import Testing

@Suite("The type of JSON content that is edited")
struct JSONContentTypeTests {
    private func problem(_ value: String) -> BodyProblem? { value.withByteView { JSONContentType.problem($0) } }

    @Test(
        "JSON in UTF-8 is fit, however that is written",
        arguments: [
            "application/json", "APPLICATION/JSON", "application/json;", "application/json ; ;", "text/x+JSON",
            "application/hal+json; charset=utf-8", "application/json;charset=\"UTF-8\"",
            "application/json; charset=utf8",
            "application/json;charset=us-ascii ;profile=\"a;charset=utf-7\"", "application/json; a=\"\\\"\"; b=c",
            "application/json;\tversion=1;charset=Utf-8\t;", "application/json; charsets=x; charset=utf-8",
        ])
    func fit(value: String) { #expect(problem(value) == nil) }

    @Test(
        "other types are not",
        arguments: [
            "", "text/plain", "application/jsonp", "application", "+json", "/+json", "a/b/c+json", "json/",
            "text/plain, application/x+json", "application/json, text/plain", "application /json", "text/plain;+json",
        ])
    func otherTypes(value: String) { #expect(problem(value) == .notJSON) }

    @Test(
        "other charsets, in whatever spelling, and parameters that can't be read, are not",
        arguments: [
            "charset=utf-7", "charset=UTF-16LE", "charset=ibm037", "charset=\"utf-7\"", "charset=iso-8859-1",
            "Charset=utf-7", "charset=\"utf\\-8\"", "charset=\" utf-8\"", "charset=utf-8; charset=utf-7",
            "charset=utf-7; charset=utf-8", "charset*=utf-7''x", "charset*0=utf-7", "CHARSET*=us-ascii''utf-8",
            "charset", "charset=", "charset =utf-8", "charset= utf-8", "charset=utf-8 x", "charset=\"utf-8", "=utf-8",
            "charset=\"utf-8\"x", "charset=utf-8, text/plain", "charset='utf-8'", "a b=c", "a=\"", "a=\"\\", "a=\"\\\"",
        ])
    func otherCharsets(parameters: String) {
        #expect(problem("application/json;\(parameters)") == .notUTF8)
        #expect(problem("application/json; a=b ; \(parameters)") == .notUTF8)
    }

    @Test("a message has one type, and one coding that changes nothing")
    func lines() {
        let rule = BodyEditRule([], values: [], bytesMax: 10, refusesUnfit: true)
        func problem(_ lines: [(StaticString, StaticString)], length: Int? = nil) -> BodyProblem? {
            var fields = HeaderList()
            for line in lines { fields.append(name: ByteView(line.0), value: ByteView(line.1)) }
            return rule.problem(fields, length: length)
        }
        let json: (StaticString, StaticString) = ("Content-Type", "application/json")
        #expect(problem([]) == .notJSON)
        #expect(problem([json]) == nil)
        #expect(problem([json, ("content-type", "text/plain")]) == .ambiguousType)
        #expect(problem([json, ("X-A", "b"), json]) == .ambiguousType)
        #expect(problem([("Content-Type", "text/plain"), json]) == .notJSON)
        #expect(problem([json, ("Content-Encoding", "Identity")]) == nil)
        #expect(problem([json, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]) == .encoded)
        #expect(problem([json, ("Content-Encoding", ""), ("Content-Encoding", "gzip")]) == .encoded)
        #expect(problem([json, ("Content-Encoding", "identity, gzip")]) == .encoded)
        #expect(problem([json], length: 11) == .tooLarge)
    }
}

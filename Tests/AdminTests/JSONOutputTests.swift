import Admin
import Testing

@Suite("JSON values")
struct JSONOutputTests {
    @Test(
        "a value becomes its text",
        arguments: [
            (.null, "null\n"), (true, "true\n"), (-7, "-7\n"), ("a\"b\\\n\u{1}é", "\"a\\\"b\\\\\\n\\u0001é\"\n"),
            ([], "[]\n"), ([:], "{}\n"), ([1, "x"], "[1, \"x\"]\n"),
            (["b": 1, "a": [2]], "{\n  \"b\": 1,\n  \"a\": [2]\n}\n"),
            ([["a": .null]], "[\n  {\n    \"a\": null\n  }\n]\n"), (.optional(nil), "null\n"),
            (.strings(["x"]), "[\"x\"]\n"),
        ] as [(JSONOutput, String)])
    func text(value: JSONOutput, expected: String) {
        #expect(value.text == expected)
    }

    @Test("a long list has one element on each line")
    func longList() {
        let long = String(repeating: "x", count: 50)
        #expect(JSONOutput.strings([long, long]).text == "[\n  \"\(long)\",\n  \"\(long)\"\n]\n")
    }
}

import Testing

@Suite("Swift text")
struct SwiftTextTests {
    @Test(
        "comments and literals are blanked, interpolated code is not",
        arguments: [
            ("let a = 1 // try!", "let a = 1        "),
            ("/* a /* b */ c */ let d", "                  let d"),
            (#"f("as!")"#, #"f("   ")"#),
            (#"f("\(x as! Y)")"#, #"f("  x as! Y ")"#),
            (#"f("\"//")  // z"#, #"f("    ")      "#),
            (##"f(#"a"b\("#)"##, ##"f(#"     "#)"##),
            ("\"\"\"\n try! \"a\"\n\"\"\"", "\"\"\"\n         \n\"\"\""),
            (#"f("\(g("}"))") {"#, #"f("  g(" ") ") {"#),
        ])
    func blanking(source: String, expected: String) {
        #expect(SwiftText(source).code.joined(separator: "\n") == expected)
    }

    @Test("a function's length runs from its keyword to its closing brace")
    func functions() {
        let text = SwiftText(
            """
            protocol P {
                func required(_ x: Int) -> Int
                init(a: Int)
            }
            struct S {
                package init?(closure: () -> Void = { print("}") }) {
                    self.init()
                }
                func short() { [1].map { $0 } }
                subscript(i: Int) -> Int
                where Self: P {
                    get { 1 }
                }
                func outer<T>(_ t: T)
                    throws(E) -> [Int]
                {
                    func inner() {
                    }
                    super.init()
                }
                deinit {
                }
            }
            """)
        let found = text.functions.map { "\($0.name) \($0.line) \($0.lineCount)" }
        #expect(found == ["init 6 3", "short 9 1", "subscript 10 4", "outer 14 7", "inner 17 2", "deinit 21 2"])
    }

    @Test("imports are found with their attributes, and nowhere else")
    func imports() {
        let text = SwiftText(
            """
            import Base
            @preconcurrency import Glibc
            package import HTTP
            import struct Foundation.Data
            // import Comment
            let important = "import Nothing"
            """)
        #expect(text.imports.map(\.module) == ["Base", "Glibc", "HTTP", "Foundation"])
        #expect(text.imports.map(\.line) == [1, 2, 3, 4])
    }
}

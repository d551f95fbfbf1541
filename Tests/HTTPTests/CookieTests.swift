import Base
import HTTP
import Testing

@Suite("Cookies")
struct CookieTests {
    @Test(
        "the value of the first cookie of that name",
        arguments: [
            ([], nil), ([""], nil), (["id=1"], "1"), (["a=0; id=1"], "1"), (["id=1; id=2"], "1"),
            (["a=0", "id=1"], "1"), (["id="], ""), (["id"], nil), (["xid=1"], nil), (["id2=1"], nil), (["ID=1"], nil),
            (["a=id=1"], nil), (["id=a=b"], "a=b"), (["id=\"q\""], "\"q\""), (["a=0;id=1"], "1"), ([";;; ;id=1;"], "1"),
            (["a=2 ; id=1 ;"], "1"), (["=id; id=1"], "1"), (["id =1"], "1"), (["a;\tid\t =1"], "1"),
            (["id= 1 ;a"], " 1"), (["i d=1"], nil), (["id; id=1"], "1"), (["id", "id=1"], "1"),
        ] as [([String], String?)])
    func value(lines: [String], expected: String?) {
        var list = HeaderList()
        for line in lines { line.withByteView { list.append(name: ByteView("Cookie"), value: $0) } }
        #expect(list.cookie(named: ByteView("id"))?.string == expected)
    }

    @Test(
        "pairs are what stands between semicolons, with a name",
        arguments: [
            ("", []), (" ", []), (";", []), ("a", []), ("a=1", ["a>1"]), (" a = 1 ", ["a> 1"]), ("=1", [">1"]),
            ("a=1;b=2", ["a>1", "b>2"]), ("a=1; b; c=3;", ["a>1", "c>3"]), ("a==;=", ["a>=", ">"]),
            ("a=\"1;2\"", ["a>\"1"]), ("a=1,b=2", ["a>1,b=2"]),
        ] as [(String, [String])])
    func pairs(text: String, expected: [String]) {
        let found = text.withByteView { value in
            var cookies = CookiePairs(value)
            var found: [String] = []
            while let cookie = cookies.next() { found.append("\(cookie.name.string)>\(cookie.value.string)") }
            return found
        }
        #expect(found == expected)
    }
}

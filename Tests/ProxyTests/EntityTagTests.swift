import Base
import HTTP
import Proxy
import Testing

@Suite("If-None-Match")
struct EntityTagTests {
    @Test(
        "a tag is found among those of all lines, weak or strong, or meant by a star",
        arguments: [
            ([], false), ([#""a""#], true), ([#"W/"a""#], true), (["*"], true), ([#""b""#], false), (["a"], false),
            ([#""b", "a""#], true), ([#""b" ,W/"a" , "c""#], true), ([#""b""#, #""a""#], true), ([""], false),
            ([","], false), ([#""a"x"#], false), ([#"w/"a""#], false), ([#""aa""#], false), (["W/"], false),
        ] as [([String], Bool)])
    func found(values: [String], isFound: Bool) {
        var fields = HeaderList()
        for value in values { value.withByteView { fields.append(.ifNoneMatch, value: $0) } }
        #expect(EntityTags.hold(ByteView("\"a\""), in: fields) == isFound)
    }
}

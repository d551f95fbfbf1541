import Base
import HTTP

/// All routes, laid out for matching: host → path trie → candidates, in flat arrays without references.
///
/// Immutable. `match` takes no lock, allocates nothing and counts no references; its cost depends on the request's host
/// and path, not on the number of routes. For one table per event loop take a `copy` each, so that no memory is shared.
///
/// ```
/// hosts   hash table: host or wildcard suffix → root node      edges       hash table: (node, segment) → node
/// nodes   the path tries of all hosts                          candidates  the routes of a path, best first
/// ```
package final class RouteTable: @unchecked Sendable {
    // Sendable because nothing changes between init and deinit.

    /// How many header and query conditions a route can have in all.
    package static let conditionLimit = 32
    /// The longest name or value in a condition, in bytes.
    package static let textLimit = 4096
    /// How many methods beyond those of `Method` a set of routes can name.
    package static let extensionMethodLimit = 54
    /// How much the search for routes that can't be reached may look at, in a whole table: nodes, routes, conditions.
    package static let searchLimit = 3_000_000

    /// What the table was made from. Off the hot path only.
    package let definitions: [RouteDefinition]
    let layout: RouteLayout

    init(definitions: [RouteDefinition], layout: RouteLayout) {
        self.definitions = definitions
        self.layout = layout
    }

    deinit { layout.deallocate() }

    /// A table of the same routes in memory of its own.
    package func copy() -> RouteTable { RouteTable(definitions: definitions, layout: layout.copy()) }

    /// Finds the best route for a request.
    package func match(_ request: RouteRequest, fields: borrowing HeaderList, into match: RouteMatch) {
        layout.match(request, fields: fields, into: match)
    }

    /// Appends the value of `Allow` for a `methodNotAllowed`: the methods of all routes that match in all else.
    package func appendAllow(_ methods: MethodSet, to buffer: inout IOBuffer) {
        var rest = methods.bits
        var isFirst = true
        while rest != 0 {
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            guard let name = layout.methodName(bit) else { continue }
            if !isFirst { buffer.append(", ") }
            buffer.append(name)
            isFirst = false
        }
    }

    /// The memory of the flat arrays, in bytes.
    package var memoryBytes: Int { layout.memoryBytes }
}

/// A fixed run of plain values. Freed by hand: its owner is the table.
///
/// It begins with a cache line, so that no element lies on more of them than it must: with many routes, each one is a
/// wait.
struct FlatArray<Element: BitwiseCopyable> {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
        let size = max(count, 1) * MemoryLayout<Element>.stride
        return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64).bindMemory(
            to: Element.self, capacity: count)
    }

    init(_ elements: [Element]) {
        count = elements.count
        base = Self.allocate(count)
        elements.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { base.initialize(from: start, count: source.count) }
        }
    }

    init(copying other: FlatArray) {
        count = other.count
        base = Self.allocate(count)
        base.initialize(from: other.base, count: count)
    }

    /// Indexes come from the builder, never from a peer: checked in debug builds.
    subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return base[index]
    }

    func deallocate() { UnsafeMutableRawPointer(base).deallocate() }

    var memoryBytes: Int { count * MemoryLayout<Element>.stride }
}

/// The arrays of a table.
struct RouteLayout {
    /// A run of bytes in `text`.
    struct Text {
        var start: UInt32
        var count: UInt32
    }

    /// A slot of the host table. Free when `root` is 0.
    struct Host {
        var text = Text(start: 0, count: 0)
        /// The listeners on which a route is served for this host.
        var listeners: UInt64 = 0
        var root: UInt32 = 0
        var isWildcard = false
    }

    /// A node of a path trie. Node 0 is nobody's.
    struct Node {
        /// The candidates when the path ends here.
        var exactStart: UInt32 = 0
        var exactCount: UInt32 = 0
        /// The candidates for everything below.
        var restStart: UInt32 = 0
        var restCount: UInt32 = 0
        /// The node behind `{name}`, or 0.
        var parameterChild: UInt32 = 0
        var literalCount: UInt32 = 0
    }

    /// A slot of the edge table: from `parent` by the segment `text` to `child`. Free when `child` is 0.
    struct Edge {
        var parent: UInt32 = 0
        var child: UInt32 = 0
        var text = Text(start: 0, count: 0)
    }

    /// A route at one node.
    struct Candidate {
        /// Bits of the methods served; all bits for all methods.
        var methods: UInt64
        var listeners: UInt64
        var route: UInt32
        /// Header conditions first.
        var conditionStart: UInt32
        var headerCount: UInt8
        var queryCount: UInt8
        var namesMethods: Bool
        /// `HEAD` is served because `GET` is; a route that names it comes first.
        var impliesHead: Bool
    }

    struct Condition {
        var name: Text
        var value: Text
        var kind: ConditionKind
    }

    var hosts: FlatArray<Host>
    var nodes: FlatArray<Node>
    var edges: FlatArray<Edge>
    var candidates: FlatArray<Candidate>
    var conditions: FlatArray<Condition>
    var text: FlatArray<UInt8>
    /// The names of the methods from bit `Method.other` on.
    var extensionMethods: FlatArray<Text>
    /// The root of the routes for any host, or 0.
    var anyHostRoot: UInt32
    /// Bit n says that some wildcard has a suffix of n labels; bit 63 stands for 63 and more.
    var wildcardLabelCounts: UInt64

    /// The bit of a method that no route names: only routes for all methods have it.
    static let unknownMethodBit: UInt64 = 63
    static let headBit = UInt64(1) << UInt64(Method.head.rawValue)
    static let getBit = UInt64(1) << UInt64(Method.get.rawValue)

    func view(_ text: Text) -> ByteView {
        ByteView(base: UnsafePointer(self.text.base + Int(text.start)), count: Int(text.count))
    }

    func methodName(_ bit: Int) -> ByteView? {
        let firstExtension = Int(Method.other.rawValue)
        if bit < firstExtension { return Method(rawValue: UInt8(truncatingIfNeeded: bit)).map { ByteView($0.name) } }
        let index = bit - firstExtension
        return index < extensionMethods.count ? view(extensionMethods[index]) : nil
    }

    /// The mask of one bit for a request's method.
    func methodMask(_ method: Method, token: ByteView) -> UInt64 {
        if method != .other { return 1 << UInt64(method.rawValue) }
        var index = 0
        while index < extensionMethods.count {
            if view(extensionMethods[index]) == token { return 1 << UInt64(index + Int(Method.other.rawValue)) }
            index += 1
        }
        return 1 << Self.unknownMethodBit
    }

    func copy() -> RouteLayout {
        RouteLayout(
            hosts: FlatArray(copying: hosts), nodes: FlatArray(copying: nodes), edges: FlatArray(copying: edges),
            candidates: FlatArray(copying: candidates), conditions: FlatArray(copying: conditions),
            text: FlatArray(copying: text), extensionMethods: FlatArray(copying: extensionMethods),
            anyHostRoot: anyHostRoot, wildcardLabelCounts: wildcardLabelCounts)
    }

    func deallocate() {
        hosts.deallocate()
        nodes.deallocate()
        edges.deallocate()
        candidates.deallocate()
        conditions.deallocate()
        text.deallocate()
        extensionMethods.deallocate()
    }

    var memoryBytes: Int {
        hosts.memoryBytes + nodes.memoryBytes + edges.memoryBytes + candidates.memoryBytes + conditions.memoryBytes
            + text.memoryBytes + extensionMethods.memoryBytes
    }
}

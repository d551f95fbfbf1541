import Base

/// What a server says in an error reply: the word that it begins with.
package enum ServerError: Error, Sendable, Hashable {
    /// It reads its data from disk, and answers nothing before that is done.
    case loading
    /// It is a replica, and takes no writes.
    case readOnly
    /// It is a replica, and has lost its master.
    case masterDown
    /// It holds as much as it may.
    case outOfMemory
    /// The password or the user's name is wrong.
    case wrongPassword
    /// It wants a password, and was given none.
    case notAuthenticated
    /// The user may not do that.
    case notPermitted
    /// It doesn't know the script any more.
    case unknownScript
    /// A script, somebody's, has run for too long.
    case busy
    /// It belongs to a cluster, and the key to another node.
    case moved
    /// The cluster can't serve.
    case clusterDown
    /// It can't save its data, or has too few replicas, and so takes no writes.
    case writesRefused
    /// Keys of one script lie on several nodes of a cluster.
    case crossSlot
    /// Anything else.
    case other

    /// - Parameter text: the reply without the `-`.
    package init(_ text: ByteView) {
        let word = text.prefix(text.firstIndex(of: ASCII.space) ?? text.count)
        self = Self.words.first { word == $0.word }?.error ?? .other
        // The text of servers that put `ERR` before everything they refuse at `AUTH`.
        if self == .other, word == "ERR", text.hasPrefix(ByteView("ERR invalid password")) { self = .wrongPassword }
        if self == .other, text.hasPrefix(ByteView("ERR AUTH <password> called without")) { self = .wrongPassword }
    }

    private static let words: [(word: StaticString, error: ServerError)] = [
        ("LOADING", .loading), ("READONLY", .readOnly), ("MASTERDOWN", .masterDown), ("OOM", .outOfMemory),
        ("WRONGPASS", .wrongPassword), ("NOAUTH", .notAuthenticated), ("NOPERM", .notPermitted),
        ("NOSCRIPT", .unknownScript), ("BUSY", .busy), ("MOVED", .moved), ("ASK", .moved),
        ("CLUSTERDOWN", .clusterDown), ("TRYAGAIN", .clusterDown), ("MISCONF", .writesRefused),
        ("NOREPLICAS", .writesRefused), ("CROSSSLOT", .crossSlot),
    ]

    /// For logs and metrics: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .loading: "loading"
        case .readOnly: "read-only"
        case .masterDown: "master-down"
        case .outOfMemory: "out-of-memory"
        case .wrongPassword: "wrong-password"
        case .notAuthenticated: "not-authenticated"
        case .notPermitted: "not-permitted"
        case .unknownScript: "unknown-script"
        case .busy: "busy"
        case .moved: "moved"
        case .clusterDown: "cluster-down"
        case .writesRefused: "writes-refused"
        case .crossSlot: "cross-slot"
        case .other: "server-error"
        }
    }

    /// Whether another node may do better: this one is left at once.
    package var isAboutTheNode: Bool {
        switch self {
        case .loading, .readOnly, .masterDown, .clusterDown, .writesRefused, .outOfMemory, .notAuthenticated: true
        case .wrongPassword, .notPermitted, .unknownScript, .busy, .moved, .crossSlot, .other: false
        }
    }
}

/// One business domain: what gateway.yaml gives it and what its own file declares.
package struct Domain: Sendable, Equatable {
    /// `[a-z0-9-]{1,63}`.
    package let name: String
    /// The team, for people; nil when not given.
    package let owner: Setting<String>?
    /// The hosts that its routes may claim. Empty: its routes match any host and may name none.
    package let hosts: [Setting<HostPattern>]
    /// The prefixes under which its paths must lie. Empty: all paths.
    package let paths: [Setting<PathTemplate>]
    /// The listeners that its routes may claim. Never empty.
    package let listeners: [Setting<ListenerReference>]
    /// The SPIFFE trust domain, kept for the identity plugins.
    package let trustDomain: Setting<String>?
    /// In the order of the domain's file; empty when the domain has no file yet.
    package let upstreams: [Upstream]
    /// In the order of the domain's file.
    package let routes: [Route]
    /// The place of its entry in gateway.yaml.
    @Provenance package var location: SourceLocation
    /// The place of its own file's `domain` key; nil without a file.
    @Provenance package var fileLocation: SourceLocation?
}

/// The hosts that an entry covers.
package enum HostPattern: Sendable, Hashable {
    /// One host name or IP literal, in lower case, without port. IPv6 in brackets.
    case exact(String)
    /// `*.example.com`: every name below `example.com`, at any depth. Holds `example.com`.
    case wildcard(String)
    /// `*`: any host.
    case any
}

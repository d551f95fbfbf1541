import Base

/// What takes the values of a configuration one after another: the digest, and the JSON of `/config`. One walk
/// (`ModelWalk`) serves both, so that nothing can be in one and not in the other.
protocol ModelSink {
    mutating func beginObject(_ key: StaticString)
    /// An object whose key is a name of the writer's own.
    mutating func beginObject(named key: String)
    /// An object that is an element of a list.
    mutating func beginElement()
    mutating func endObject()
    mutating func beginList(_ key: StaticString)
    mutating func endList()
    mutating func integer(_ key: StaticString, _ value: Int, _ origin: Origin)
    mutating func boolean(_ key: StaticString, _ value: Bool, _ origin: Origin)
    mutating func duration(_ key: StaticString, _ value: TimeAmount, _ origin: Origin)
    mutating func text(_ key: StaticString, _ value: String, _ origin: Origin)
    mutating func text(named key: String, _ value: String, _ origin: Origin)
    /// A value that is never shown, wherever it comes from.
    mutating func secret(_ key: StaticString, _ bytes: [UInt8], _ origin: Origin)
    /// An element of a list.
    mutating func element(_ value: String, _ origin: Origin)
    /// A value whose text is made only by who shows it.
    mutating func host(_ value: HostPattern, _ origin: Origin)
    mutating func path(_ key: StaticString, _ value: PathTemplate, _ origin: Origin)
    mutating func address(_ key: StaticString, _ value: IPEndpoint, _ origin: Origin)
    mutating func network(_ value: CIDRBlock, _ origin: Origin)
    mutating func target(_ host: TargetHost, port: UInt16, _ origin: Origin)
}

extension ModelSink {
    mutating func integer(_ key: StaticString, _ setting: Setting<Int>) { integer(key, setting.value, setting.origin) }
    mutating func boolean(_ key: StaticString, _ setting: Setting<Bool>) { boolean(key, setting.value, setting.origin) }
    mutating func text(_ key: StaticString, _ setting: Setting<String>) { text(key, setting.value, setting.origin) }
    mutating func duration(_ key: StaticString, _ setting: Setting<TimeAmount>) {
        duration(key, setting.value, setting.origin)
    }
    mutating func texts(_ key: StaticString, _ settings: [Setting<String>]) {
        beginList(key)
        for setting in settings { element(setting.value, setting.origin) }
        endList()
    }
    mutating func hosts(_ settings: [Setting<HostPattern>]) {
        beginList("hosts")
        for setting in settings { host(setting.value, setting.origin) }
        endList()
    }
    mutating func listeners(_ settings: [Setting<ListenerReference>]) {
        beginList("listeners")
        for setting in settings { element(setting.value.name, setting.origin) }
        endList()
    }
    mutating func networks(_ key: StaticString, _ settings: [Setting<CIDRBlock>]) {
        beginList(key)
        for setting in settings { network(setting.value, setting.origin) }
        endList()
    }
}

/// A place in one of the configuration's files. Lines and columns count from 1; a column counts bytes' characters as
/// the YAML parser does (one per Unicode scalar).
package struct SourceLocation: Sendable, Hashable {
    /// Index into `SourceFiles.names`.
    package let file: UInt32
    package let line: UInt32
    package let column: UInt32

    package init(file: UInt32, line: UInt32, column: UInt32) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension SourceLocation: Comparable {
    /// By file, then line, then column.
    package static func < (left: SourceLocation, right: SourceLocation) -> Bool {
        if left.file != right.file { return left.file < right.file }
        return left.line != right.line ? left.line < right.line : left.column < right.column
    }
}

/// Where an effective value comes from.
package enum Origin: Sendable, Hashable {
    /// Nobody set it: the value is the documented default.
    case builtIn
    /// The place of the value in a file: `defaults` of gateway.yaml, a domain file, or the route itself.
    case file(SourceLocation)

    /// The place, unless the value is built in.
    package var location: SourceLocation? {
        if case .file(let location) = self { return location }
        return nil
    }
}

/// An effective value together with where it was set. Two settings are equal when their values are.
package struct Setting<Value: Sendable & Equatable>: Sendable, Equatable {
    package let value: Value
    package let origin: Origin

    package init(value: Value, origin: Origin) {
        self.value = value
        self.origin = origin
    }

    package static func == (left: Setting, right: Setting) -> Bool { left.value == right.value }
}

extension Setting {
    /// The documented default.
    static func builtIn(_ value: Value) -> Setting { Setting(value: value, origin: .builtIn) }
}

/// Marks a property that says where something was written: it never takes part in equality, so that moving a line
/// changes no route.
@propertyWrapper
package struct Provenance<Value: Sendable>: Sendable, Equatable {
    package let wrappedValue: Value

    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    package static func == (left: Provenance, right: Provenance) -> Bool { true }
}

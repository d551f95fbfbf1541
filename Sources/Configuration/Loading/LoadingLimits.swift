/// What a folder may make the loader do. Every limit is an error at the place where it is passed.
package struct LoadingLimits: Sendable {
    /// Of one YAML file, in bytes.
    package var fileBytesMax = 4 * 1024 * 1024
    /// YAML files in the folder.
    package var filesMax = 1_000
    /// Names in the folder, of any kind.
    package var folderEntriesMax = 10_000
    /// Lists and mappings inside one another.
    package var depthMax = 32
    /// Values of one file, keys and expanded aliases included.
    package var nodesMax = 1_000_000
    /// `&name` in one file.
    package var anchorsMax = 100
    /// `*name` in one file.
    package var aliasesMax = 1_000
    /// Values that aliases of one file stand for.
    package var aliasNodesMax = 10_000
    /// One plain value, in bytes, before and after substitution.
    package var scalarBytesMax = 64 * 1024
    /// What a `${file:…}` may hold, in bytes.
    package var referencedFileBytesMax = 64 * 1024
    /// A key file, a JWK set or a file of certificates that gateway.yaml leads to, in bytes.
    package var keyFileBytesMax = 1024 * 1024
    /// Signing keys of all files and folders together.
    package var signingKeysMax = 32
    /// `${…}` in all files.
    package var referencesMax = 10_000
    /// Routes of all files.
    package var routesMax = 50_000
    /// Findings kept; the rest is counted.
    package var diagnosticsMax = 500

    package init() {}
}

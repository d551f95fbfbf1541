import Base

/// Looks at the files that gateway.yaml leads to: that they are there, are not too large, and which bytes they hold.
final class ReferencedFiles {
    private let source: ConfigurationSource
    private let limits: LoadingLimits
    private var known: [String: Result<ReferencedFile, Problem>] = [:]

    private enum Problem: Error {
        case unreadable(SourceError), tooLarge, empty
    }

    init(source: ConfigurationSource, limits: LoadingLimits) {
        self.source = source
        self.limits = limits
    }

    /// Nil after an error, reported at the path.
    func file(_ path: Setting<String>, _ decoder: FileDecoder) -> Setting<ReferencedFile>? {
        look(path.value, path.origin, decoder).map { Setting(value: $0, origin: path.origin) }
    }

    /// The key files of a folder by name, in the order of their bytes; nil after an error, reported at the path.
    func keyFiles(in folder: Setting<String>, _ decoder: FileDecoder) -> [Setting<ReferencedFile>]? {
        guard let place = folder.origin.location else { return nil }
        var names: [String]
        do throws(SourceError) {
            names = try source.listFolder(folder.value)
        } catch {
            decoder.error(at: place, "the folder `\(shown(folder, decoder))` \(error.reason)")
            return nil
        }
        names = names.filter { name in
            !name.hasPrefix(".") && [".pem", ".jwk", ".json"].contains { name.hasSuffix($0) }
        }
        if names.isEmpty {
            decoder.error(
                at: place, "the folder `\(shown(folder, decoder))` holds no key",
                expected: "a file `*.pem`, `*.jwk` or `*.json`")
            return nil
        }
        if names.count > limits.signingKeysMax {
            decoder.error(
                at: place, "the folder `\(shown(folder, decoder))` holds \(names.count) keys",
                expected: "at most \(limits.signingKeysMax)")
            return nil
        }
        let base = folder.value.hasSuffix("/") ? folder.value : folder.value + "/"
        let files = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
            look(base + name, folder.origin, decoder).map { Setting(value: $0, origin: folder.origin) }
        }
        return files.contains { $0 == nil } ? nil : files.compactMap { $0 }
    }

    private func look(_ name: String, _ origin: Origin, _ decoder: FileDecoder) -> ReferencedFile? {
        let result = known[name] ?? read(name)
        known[name] = result
        switch result {
        case .success(let file): return file
        case .failure(let problem):
            guard let place = origin.location else { return nil }
            let shown = shown(Setting(value: name, origin: origin), decoder)
            switch problem {
            case .unreadable(let error): decoder.error(at: place, "the file `\(shown)` \(error.reason)")
            case .tooLarge:
                decoder.error(
                    at: place, "the file `\(shown)` is larger than \(SizeFormat.text(limits.keyFileBytesMax))")
            case .empty: decoder.error(at: place, "the file `\(shown)` is empty")
            }
            return nil
        }
    }

    private func read(_ name: String) -> Result<ReferencedFile, Problem> {
        do throws(SourceError) {
            let bytes = try source.read(name, limits.keyFileBytesMax)
            if bytes.count > limits.keyFileBytesMax { return .failure(.tooLarge) }
            if bytes.isEmpty { return .failure(.empty) }
            let folder = source.folder.hasSuffix("/") ? String(source.folder.dropLast()) : source.folder
            let path = name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
            return .success(ReferencedFile(name: name, path: path, digest: ConfigurationDigest.digest(of: bytes)))
        } catch {
            return .failure(.unreadable(error))
        }
    }

    /// The path, unless it came out of a reference.
    private func shown(_ path: Setting<String>, _ decoder: FileDecoder) -> String {
        let isSecret = path.origin.location.map { decoder.secrets.contains($0) } ?? false
        return isSecret ? EffectiveConfiguration.mask : Visible.text(path.value, limit: 200)
    }
}

import Admin
import Base
import Identity
import JOSE
import Linux

/// `portcullis keygen FILE`: a new signing key in a file of its own, which nobody else can read.
package enum KeygenCommand: Command {
    private static let algorithms = SignatureAlgorithm.allCases.filter { AlgorithmSet.asymmetric.contains($0) }
    private static let bitChoices = ["2048", "3072", "4096"]

    package static let syntax = CommandSyntax(
        "keygen", "make a key that internal tokens are signed with",
        arguments: [.init(name: "FILE", help: "the new private key; a file that is there already is never touched")],
        options: [
            .init(
                name: "--algorithm", value: "ALG", choices: algorithms.map { $0.name.description },
                help: "what it signs with: ES256 unless given; RS, PS or ES for JWT-SVIDs"),
            .init(
                name: "--bits", value: "BITS", choices: bitChoices,
                help: "the length of an RSA key: 2048, 3072 or 4096; by the algorithm unless given"),
            .format(["pem", "jwk"]),
            .init(
                name: "--id", value: "KID",
                help: "its key id, for JWK files; unless given, its thumbprint (RFC 7638)"),
            .init(name: "--public", value: "FILE", help: "also write the public half, as a JWK set, to a new file"),
        ],
        details: """
            PEM is PKCS#8 without a passphrase. The file is readable by its owner alone (mode 0600): give it to the user
            that the gateway runs as. Upstreams need no copy of the public half: the gateway publishes it.
            """,
        examples: [
            "portcullis keygen keys/2026-11.pem", "portcullis keygen keys/2026-11.jwk --format jwk --algorithm PS256",
        ])

    package static func run(_ arguments: ParsedArguments, _ console: Console) throws(UsageError) -> Int32 {
        let name = arguments.value("--algorithm") ?? "ES256"
        guard let algorithm = name.withByteView({ SignatureAlgorithm(name: $0) }) else {
            throw .invalidValue(of: "algorithm", given: name, expected: "ES256")
        }
        let bits = arguments.value("--bits").flatMap { Int($0) }
        if bits != nil, !algorithm.fits(.rsa) {
            throw .invalidValue(of: "algorithm with --bits", given: name, expected: "RS or PS")
        }
        let isJWK = arguments.value("--format") == "jwk"
        if let id = arguments.value("--id"), !isJWK {
            throw .invalidValue(
                of: "option of a PEM file", given: "--id \(id)", expected: "--format jwk, or `id:` in gateway.yaml")
        }
        do throws(KeyError) {
            let key = try SigningKey.generate(algorithm, bits: bits, keyID: arguments.value("--id"))
            let path = arguments.argument("FILE")
            let publicPath = arguments.value("--public")
            // Both or neither: half a pair would be in the way of the next try.
            guard isFree(path, console), publicPath.map({ isFree($0, console) }) ?? true else { return 1 }
            if path == publicPath {
                console.complain("portcullis keygen: \(path): the two halves need files of their own\n")
                return 1
            }
            let text = isJWK ? try key.jwk() + "\n" : try key.pem()
            guard write(text, to: path, isPrivate: true, console) else { return 1 }
            console.print(report(key, path: path, isJWK: isJWK))
            guard let publicPath else { return 0 }
            let set = KeySet.text([key.verificationKey]) + "\n"
            return write(set, to: publicPath, isPrivate: false, console) ? 0 : 1
        } catch {
            console.complain("portcullis keygen: \(error.text)\n")
            return 1
        }
    }

    /// Complains unless nothing is there.
    private static func isFree(_ path: String, _ console: Console) -> Bool {
        guard (try? fileTime(path: path)) != nil else { return true }
        complain(of: path, .exists, console)
        return false
    }

    private static func write(_ text: String, to path: String, isPrivate: Bool, _ console: Console) -> Bool {
        do throws(Errno) {
            try text.withByteView { (bytes) throws(Errno) in
                try createFile(path: path, bytes, isPrivate: isPrivate)
            }
            return true
        } catch {
            complain(of: path, error, console)
            return false
        }
    }

    private static func complain(of path: String, _ error: Errno, _ console: Console) {
        let reason = error == .exists ? "it is there already, and stays as it was" : error.description
        console.complain("portcullis keygen: \(path): \(reason)\n")
    }

    private static func report(_ key: SigningKey, path: String, isJWK: Bool) -> String {
        let isPlain = path.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || "-_./".utf8.contains($0) }
        let file = isPlain ? path : String(JSONOutput.string(path).text.dropLast())
        // A JWK names its algorithm; of PEM it has to be said where it isn't what is usual for the key's type.
        let isClear = isJWK || key.algorithm == key.verificationKey.type.usualAlgorithm
        let entry = isClear ? "{file: \(file)}" : "{file: \(file), algorithm: \(key.algorithm.name)}"
        return """
            \(path): a new private key, for \(key.algorithm.name)
            kid: \(key.id)

            In gateway.yaml (a relative path is below the configuration folder):

            internal_tokens:
              issuer: "https://gateway.example.com"
              keys:
                - \(entry)

            A key that is added to others is published before it signs (publish_before_signing): list it last, send
            SIGHUP, and leave the old one until its last token has expired.

            """
    }
}

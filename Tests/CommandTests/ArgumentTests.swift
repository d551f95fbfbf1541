import Testing
import portcullis

@Suite("Arguments")
struct ArgumentTests {
    private static let syntax = CommandSyntax(
        "try", "for tests", arguments: [.init(name: "DIR", help: "a folder"), .init(name: "METHOD", help: "a method")],
        options: [
            .init(name: "--format", value: "FORMAT", choices: ["human", "json"], help: "a choice"),
            .init(name: "--header", value: "HEADER", isRepeatable: true, help: "several"),
            .init(name: "--demo", help: "a flag"),
        ])

    @Test(
        "options stand anywhere, with their value behind them or behind =",
        arguments: [
            ["d", "GET", "--format", "json", "--header", "a: 1", "--header", "b: 2", "--demo"],
            ["--header=a: 1", "d", "--format=json", "--demo", "GET", "--header=b: 2"],
            ["--demo", "--format", "json", "--header", "a: 1", "--header", "b: 2", "--", "d", "GET"],
        ])
    func accepted(words: [String]) throws {
        let parsed = try ParsedArguments(words, Self.syntax)
        #expect(parsed.argument("DIR") == "d")
        #expect(parsed.argument("METHOD") == "GET")
        #expect(parsed.value("--format") == "json")
        #expect(parsed.values("--header") == ["a: 1", "b: 2"])
        #expect(parsed.has("--demo"))
        #expect(!parsed.wantsHelp)
    }

    @Test("behind -- nothing is an option, and a value may hold = and begin with a dash")
    func literal() throws {
        let parsed = try ParsedArguments(["--header", "--a=b", "--", "--demo", "-"], Self.syntax)
        #expect(parsed.argument("DIR") == "--demo")
        #expect(parsed.argument("METHOD") == "-")
        #expect(parsed.values("--header") == ["--a=b"])
        #expect(!parsed.has("--demo"))
    }

    @Test(
        "what means nothing is refused, with a suggestion where one is near",
        arguments: [
            ([], .missingArgument("DIR")), (["d"], .missingArgument("METHOD")),
            (["d", "GET", "x"], .excessArgument("x")),
            (["d", "GET", "--formt", "json"], .unknownOption("--formt", nearest: "--format")),
            (["d", "GET", "-x"], .unknownOption("-x", nearest: nil)),
            (["d", "GET", "--format"], .optionWithoutValue("--format", value: "FORMAT")),
            (
                ["d", "GET", "--format", "xml"],
                .invalidChoice(option: "--format", given: "xml", choices: ["human", "json"])
            ),
            (["d", "GET", "--format=json", "--format=json"], .repeatedOption("--format")),
            (["d", "GET", "--demo", "--demo"], .repeatedOption("--demo")),
            (["d", "GET", "--demo=1"], .valueOfFlag("--demo")),
        ] as [([String], UsageError)])
    func refused(words: [String], error: UsageError) {
        #expect(throws: error) { try ParsedArguments(words, Self.syntax) }
    }

    @Test(
        "help is given whatever else is wrong", arguments: [["--help"], ["-h"], ["--nonsense", "-h", "a", "b", "c"]])
    func help(words: [String]) throws {
        #expect(try ParsedArguments(words, Self.syntax).wantsHelp)
    }
}

@Suite("Command lines")
struct CommandLineTests {
    @Test(
        "wrong usage is 2, says what is wrong and where help is",
        arguments: [
            ([], "a command is missing"), (["chek"], "did you mean `check`?"),
            (["check"], "the argument DIR is missing"), (["run"], "the argument DIR is missing"),
            (["check", "a", "b"], "`b`"), (["check", "a", "--format", "xml"], "`human`, `json`, `github`"),
            (["explain", "a", "GET"], "the argument URL is missing"),
            (["explain", "a", "GET", "nonsense"], "http://HOST/PATH"),
            (["explain", "a", "GET", "http:///x"], "http://HOST/PATH"),
            (["explain", "a", "GET", "http://x/", "--header", "nonsense"], "`Name: value`"),
            (["explain", "a", "GET", "http://x/", "--header", "a: 1\r\nb: 2"], "`Name: value`"),
            (["explain", "a", "G\nT", "http://x/"], "no method"),
            (["explain", "a", "GET", "http://x/", "--client", "nobody"], "IPv4"),
            (["explain", "a", "GET", "http://x/", "--token", "a", "--claims", "{}"], "can't be given together"),
            (["explain", "a", "GET", "http://x/", "--claims", "[]"], "a JSON object"),
            (["explain", "a", "GET", "http://x/", "--claims", "{\"a\":1,\"a\":2}"], "two members"),
            (["explain", "a", "GET", "http://x/", "--token", "@/nonexistent"], "can't be read"),
            (["explain", "a", "GET", "http://x/", "--jwks", "/nonexistent"], "can't be read"),
            (["keygen"], "FILE"), (["keygen", "x", "--algorithm", "HS256"], "`ES256`"),
            (["keygen", "x", "--bits", "3072"], "RS or PS"),
            (["keygen", "x", "--algorithm", "RS256", "--bits", "1024"], "`2048`"),
            (["keygen", "x", "--id", "a"], "--format jwk"),
            (["token", "a", "--claim", "novalue"], "NAME=TEXT"), (["token", "a", "--claim", "=x"], "NAME=TEXT"),
            (["token", "a", "--claim", "a:={"], "JSON behind"), (["token", "a", "--ttl", "25h"], "1s to 24h"),
            (["token", "a", "--claim", "a=1", "--claim", "a:=2"], "given twice"),
            (["health", "--admin", "localhost"], "127.0.0.1:9901"),
            (["test", "a"], "not part of this version"), (["schema"], "not part of this version"),
        ])
    func usage(words: [String], expected: String) {
        let outcome = Outcome(words)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.complaint.contains(expected))
        #expect(outcome.complaint.contains("--help"))
    }

    @Test(
        "help of the program names every command and none of a later version",
        arguments: [["--help"], ["-h"], ["help"]])
    func programHelp(words: [String]) {
        let outcome = Outcome(words)
        #expect(outcome.status == 0)
        for command in ["run", "check", "routes", "explain", "keygen", "token", "health", "reference", "version"] {
            #expect(outcome.output.contains("\n  \(command) "))
        }
        for later in ["diff", "schema", "import"] { #expect(!outcome.output.contains("\n  \(later) ")) }
    }

    @Test(
        "help of a command names its arguments and options", arguments: [["explain", "--help"], ["help", "explain"]])
    func commandHelp(words: [String]) {
        let outcome = Outcome(words)
        #expect(outcome.status == 0)
        for word in ["DIR", "METHOD", "URL", "--header", "--listener", "--format"] {
            #expect(outcome.output.contains(word))
        }
    }

    @Test("help fits a terminal")
    func helpWidth() {
        for command in CommandLineTool.commands {
            let lines = HelpText.command(command.syntax).split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= 120 }, "\(command.syntax.summary)")
        }
    }

    @Test("the version is told", arguments: ["version", "--version"])
    func version(word: String) {
        let outcome = Outcome([word])
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("portcullis \(programVersion) "))
    }

    @Test("the reference has the keys of both kinds of files")
    func reference() {
        let outcome = Outcome(["reference"])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("`trusted_proxies`"))
        #expect(outcome.output.contains("`strip_prefix`"))
    }
}

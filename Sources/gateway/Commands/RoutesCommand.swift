import Admin

/// `portcullis routes DIR`: all routes, in the order in which the router looks for a request's.
package enum RoutesCommand: Command {
    package static let syntax = CommandSyntax(
        "routes", "list all routes by rank, with what each matches, does, and where it is written",
        arguments: [.folder], options: [.format(["human", "json"])],
        details: """
            Of several routes that match a request the one with the most exact host takes it (exact ones before
            wildcards and any host), then the one with the more specific path, with a named method, with more conditions
            on headers, on the query. The list is in that order; a route with several hosts stands where the most exact
            of them puts it, and HEAD is for a route that names it before one that names GET. `explain` decides.
            """,
        examples: ["portcullis routes gateway.d", "portcullis routes gateway.d --format json"])

    package static func run(_ arguments: ParsedArguments, _ console: Console) -> Int32 {
        guard let blueprint = load(arguments, console)?.blueprint else { return 1 }
        let listing = RouteListing(blueprint)
        console.print(arguments.value("--format") == "json" ? listing.json.text : table(listing))
        return 0
    }

    private static func table(_ listing: RouteListing) -> String {
        var rows = [["ROUTE", "LISTENERS", "HOSTS", "METHODS", "PATH", "CONDITIONS", "ACTION", "PLACE"]]
        for row in listing.rows {
            rows.append([
                row.identity, row.listeners.joined(separator: ","), row.hosts.joined(separator: ","),
                row.methods.isEmpty ? "any" : row.methods.joined(separator: ","), row.path,
                row.conditions.joined(separator: ", "), row.action, row.place,
            ])
        }
        return TextTable(rows: rows, hidesEmpty: true).text
    }
}

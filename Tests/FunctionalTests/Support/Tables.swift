/// A server with tables of SQLite's, made from the schema files that are installed, and somebody who asks its script.
struct Tables: ~Copyable {
    let server: Reloadable
    let file: String
    private let folder: TemporaryFolder

    /// - Parameters:
    ///   - names: of the tables.
    ///   - rows: what is in them.
    ///   - module: the one that has `db_url`.
    ///   - parameters: further ones of the module, `name=value`.
    ///   - routes: what stands in front of the request route.
    ///   - steps: as Dispatching.steps.
    init(
        _ names: [String], _ rows: String, module: String, _ parameters: [String] = [], modules: [String] = [],
        routes: String = "", steps: [String]
    ) throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        for name in ["version"] + names {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(name).sql")
        }
        try sqlite(file, rows)
        let lines = (["db_url=sqlite:///\(file)"] + parameters).map { parameter in
            let parts = parameter.split(separator: "=", maxSplits: 1).map(String.init)
            return "modparam(\"\(module)\", \"\(parts[0])\", \(Int(parts[1]) == nil ? "\"\(parts[1])\"" : parts[1]))\n"
        }
        server = try Reloadable(
            "\(lines.joined())\(routes)\nrequest_route {\n\(Dispatching.steps(steps))\n}\n",
            modules: ["db_sqlite"] + modules + [module])
        self.file = file
        self.folder = folder
    }

    /// What the steps have said.
    func tell(
        _ uri: String, from: String = "sip:alice@here.test", to: String? = nil, headers: [String] = []
    ) throws -> [String] {
        var request = SIPText.request(
            "OPTIONS", uri, from: server.client.address, id: "tables\(Int.random(in: 0..<1_000_000_000))",
            headers: headers)
        request = Tables.line("From", "<\(from)>;tag=f", in: request)
        if let to { request = Tables.line("To", "<\(to)>", in: request) }
        let answer = try server.client.exchange(request, with: server.server.port)
        return answer.reason.split(separator: "|").map { String($0) }
    }

    private static func line(_ name: String, _ value: String, in request: String) -> String {
        request.split(separator: "\r\n", omittingEmptySubsequences: false).map {
            $0.hasPrefix("\(name):") ? "\(name): \(value)" : String($0)
        }.joined(separator: "\r\n")
    }
}

import Testing

/// A server with destination sets from a list, and somebody who asks its script.
struct Dispatching: ~Copyable {
    let base: Reloadable

    /// - Parameters:
    ///   - list: the sets; `CLIENT` is the asking client's port.
    ///   - parameters: of the module, `name=value`.
    ///   - routes: what stands in front of the request route.
    ///   - script: of the request route.
    init(
        _ list: String, parameters: [String] = [], modules: [String] = [], routes: String = "", script: String,
        workers: Int = 2, tests: [String] = []
    ) throws {
        let lines = parameters.map { parameter in
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = Int(parts[1]) == nil ? "\"\(parts[1])\"" : "\(parts[1])"
            return "modparam(\"dispatcher\", \"\(parts[0])\", \(value))\n"
        }
        let text = "\(lines.joined())\(routes)\nrequest_route {\n\(script)\n}\n"
        let isLate = list.contains("CLIENT")
        let files = ["dispatcher.list": isLate ? "# none yet" : list]
        let started = try Reloadable(
            text, modules: ["dispatcher"] + modules, tests: tests, files: files, workers: workers)
        if isLate {
            let whole = list.replacing("CLIENT", with: "\(started.client.address.port)")
            try started.server.folder.write("dispatcher.list", whole)
            try started.door.expect("dispatcher.reload", is: Dispatching.reloaded)
        }
        base = started
    }

    /// What a reload answers.
    static let reloaded = #""Ok. Dispatcher successfully reloaded.""#

    /// A script that takes these steps and answers what each has said: `function(...)| variables`.
    static func steps(_ steps: [String]) -> String {
        let lines = steps.map { step in
            let parts = step.split(separator: "|", maxSplits: 1).map(String.init)
            let text = String(parts[1].drop { $0 == " " })
            let shown = text.contains("$") ? "$_s(\(text))" : "\"\(text)\""
            return "    \(parts[0]); $var(said) = $var(said) + $rc + \" \" + \(shown) + \"|\";\n"
        }
        return "$var(said) = \"\";\n\(lines.joined())    sl_send_reply(\"200\", \"$var(said)\"); exit;"
    }

    /// What the steps have said.
    func tell(
        _ method: String = "OPTIONS", user: String = "alice", headers: [String] = [], id: String
    ) throws -> [String] {
        let request = SIPText.request(
            method, "sip:\(user)@\(base.server.address)", from: base.client.address, id: id, headers: headers)
        let answer = try base.client.exchange(request, with: base.server.port)
        return answer.reason.split(separator: "|").map { String($0) }
    }

    /// Other sets; not in force before a reload.
    func write(_ list: String) throws { try base.server.folder.write("dispatcher.list", list) }

    /// Reads the list again, which must work.
    func reload(_ list: String) throws {
        try write(list)
        try base.door.expect("dispatcher.reload", is: Dispatching.reloaded)
    }

    /// Two letters of each destination, in the order of the list.
    func flags() throws -> [String] {
        try base.door.call("dispatcher.list", "short").json.split(separator: #""FLAGS":""#).dropFirst().map {
            String($0.prefix(2))
        }
    }
}

import BinRPC

extension Verb {
    static let demo = Verb(
        names: ["demo"], group: .sip, arguments: "[-v] [address:port] [user user]",
        summary: "two phones register, and one calls the other",
        details: """
            The users are 100 and 101, unless two are named; their hashes are read from the
            database. The server is the first UDP socket of the one that runs. With -v all
            messages are shown.
            """,
        count: 0...4, takesAnything: true
    ) { session throws(Failure) in
        var words = session.arguments
        let isVerbose = words.contains("-v")
        words.removeAll { $0 == "-v" }
        if let option = words.first(where: { $0.hasPrefix("-") }) { throw .usage("demo has no option \(option)") }
        var server: String?
        if let first = words.first, first.contains(":") { server = words.removeFirst() }
        guard words.isEmpty || words.count == 2 else { throw .usage("two users call each other: apusctl demo 100 101") }
        if words.isEmpty { words = ["100", "101"] }
        let address = if let server { server } else { try session.firstSocket() }
        var demo = try Demo(session, users: words, server: address, isVerbose: isVerbose)
        try demo.run()
    }
}

extension Session {
    /// The first UDP socket of the server that phones of IPv4 reach.
    fileprivate func firstSocket() throws(Failure) -> String {
        let sockets = try call("core.sockets_list")
        for socket in sockets.flatMap({ $0.all(named: "socket") })
        where socket["proto"]?.plain == "udp" {
            guard let host = socket["address"]?.plain, !host.contains(":"), let port = socket["port"]?.plain else {
                continue
            }
            return "\(host == "0.0.0.0" ? "127.0.0.1" : host):\(port)"
        }
        throw .refused("the server has no UDP socket of IPv4: apusctl demo ADDRESS:PORT")
    }
}

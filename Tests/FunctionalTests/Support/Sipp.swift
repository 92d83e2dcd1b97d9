import Glibc

/// sipp that plays one scenario of Tests/FunctionalTests/Sipp, as caller or as called side. Killed when it goes out of scope.
struct Sipp: ~Copyable {
    enum Transport {
        case udp
        /// One connection for all calls, or one for each.
        case tcp, tcpEach
    }

    let name: String
    let address: Address
    private let child: Child
    private let errorFile: String

    /// - Parameters:
    ///   - scenario: the file's name without `.xml`.
    ///   - folder: gets the scenario with its values put in, and what sipp has to say.
    ///   - peer: whom a caller calls; nil: it is called.
    ///   - user: of the Request-URI.
    ///   - calls: so many, then it ends.
    ///   - atOnce: calls begun a second, and those under way at a time.
    ///   - values: what stands in braces in the scenario; `wait` is how long (ms) a called side answers repetitions.
    init(
        _ scenario: String, in folder: borrowing TemporaryFolder, port: UInt16? = nil, calling peer: UInt16? = nil,
        user: String = "alice", calls: Int = 1, atOnce: Int = 10, values: [String: String] = [:],
        transport: Transport = .udp, arguments: [String] = []
    ) throws {
        let address = Address("127.0.0.1", try port ?? Ports.free())
        guard var text = readText(Products.sources + "/Tests/FunctionalTests/Sipp/\(scenario).xml") else {
            throw HarnessError("there is no scenario \(scenario)")
        }
        for (name, value) in values.merging(["wait": "100"], uniquingKeysWith: { set, _ in set }) {
            text = text.replacing("{\(name)}", with: value)
        }
        if transport != .udp {
            text = text.replacing("SIP/2.0/UDP", with: "SIP/2.0/TCP")
                .replacing("[local_ip]:[local_port]>\n", with: "[local_ip]:[local_port];transport=tcp>\n")
        }
        let file = try folder.write("\(scenario)-\(address.port).xml", text)
        let errorFile = file + ".errors"
        var words = [
            "-sf", file, "-i", address.host, "-p", "\(address.port)", "-m", "\(calls)", "-nostdin", "-timeout", "90",
            "-timeout_error", "-trace_err", "-error_file", errorFile,
        ]
        switch transport {
        case .udp: break
        case .tcp: words += ["-t", "t1", "-max_socket", "1000"]
        case .tcpEach: words += ["-t", "tn", "-max_socket", "1000"]
        }
        if let peer {
            words += ["-s", user, "-r", "\(atOnce)", "-l", "\(atOnce)", "-recv_timeout", "60000", "127.0.0.1:\(peer)"]
        }
        let child = try Child("sipp", words + arguments, folder: folder.path)
        if peer == nil { try Sipp.waitUntilBound(child, address, transport) }
        self.child = child
        self.errorFile = errorFile
        name = scenario
        self.address = address
    }

    /// Waits until a called side can be called.
    private static func waitUntilBound(
        _ child: borrowing Child, _ address: Address, _ transport: Transport
    ) throws {
        let digits = String(address.port, radix: 16, uppercase: true)
        let end = ":" + String(repeating: "0", count: 4 - digits.count) + digits + " "
        let table = transport == .udp ? "udp" : "tcp"
        // A TCP socket listens in state 0A.
        let place = "0100007F" + end + (transport == .udp ? "" : "00000000:0000 0A")
        var isBound = false
        _ = until {
            isBound = readText("/proc/net/\(table)")?.contains(place) == true
            return isBound || child.status != nil
        }
        if isBound { return }
        throw HarnessError("no sipp at \(address): \(child.output.suffix(1000))\(child.errors)")
    }

    /// Waits until all calls have ended as the scenario says; an error that says what happened instead.
    func finish() throws {
        let status = child.wait(within: .seconds(100))
        guard status != .exited(0) else { return }
        let end = status.map { "\($0)" } ?? "still runs"
        throw HarnessError(
            "\(name): \(end)\n\((readText(errorFile) ?? "").prefix(3000))\n\(child.errors)\(child.output.suffix(3500))")
    }
}

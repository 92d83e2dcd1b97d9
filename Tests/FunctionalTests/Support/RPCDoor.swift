import Glibc
import Testing

/// Executes a server's commands, through the module rpcdoor of the tests.
///
///     let folder = try TemporaryFolder()
///     let server = try Server { port in
///         """
///         listen=udp:127.0.0.1:\(port)
///         \(RPCDoor.config(folder.path))
///         …
///         """
///     }
///     let door = try RPCDoor(folder.path)
///     let (code, json) = try door.call("tm.stats")
final class RPCDoor {
    private let descriptor: Int32
    private let path: String

    /// What the config needs: builds the module into the folder and loads it.
    static func config(_ folder: String) throws -> String {
        try CModule.build("rpcdoor", into: folder)
        return "loadmodule \"\(folder)/rpcdoor.so\"\nmodparam(\"rpcdoor\", \"socket\", \"\(folder)/door\")\n"
    }

    /// - Parameters:
    ///   - folder: the one given to `config`.
    ///   - client: tells clients of one server apart.
    init(_ folder: String, client: Int = 0) throws {
        path = "\(folder)/client-\(client)"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, withUnixAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
            throw HarnessError("cannot bind \(path): \(String(cString: strerror(errno)))")
        }
        guard withUnixAddress("\(folder)/door", { connect(descriptor, $0, $1) }) == 0 else {
            throw HarnessError("no door in \(folder): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// Executes a command and waits for its answer: 200 and JSON, or a fault's code and text.
    func call(
        _ name: String, _ arguments: String..., within limit: Duration = .seconds(20)
    ) throws -> (code: Int, json: String) {
        try send(name, arguments)
        return try receive(within: limit)
    }

    /// Executes a command that answers this.
    /// - Parameter text: JSON; with another code the fault's text.
    func expect(
        _ name: String, _ arguments: [String] = [], code: Int = 200, is text: String,
        location: SourceLocation = #_sourceLocation
    ) throws {
        try send(name, arguments)
        let answer = try receive()
        #expect(answer.code == code && answer.json == text, "\(name) \(arguments): \(answer)", sourceLocation: location)
    }

    /// Begins an execution.
    func send(_ name: String, _ arguments: [String] = []) throws {
        // A line end inside an argument travels as the byte 1.
        let texts = arguments.map { $0.replacing("\n", with: "\u{1}").replacing("\r\n", with: "\r\u{1}") }
        let bytes = Array(([name] + texts).joined(separator: "\n").utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw HarnessError("\(name) cannot be sent: \(String(cString: strerror(errno)))")
        }
    }

    /// The next answer.
    func receive(within limit: Duration = .seconds(20)) throws -> (code: Int, json: String) {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = limit.components
        guard poll(&wait, 1, Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)) == 1 else {
            throw HarnessError("no answer within \(limit)")
        }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { throw HarnessError("no answer: \(String(cString: strerror(errno)))") }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let code = Int(parts[0]) else { throw HarnessError("no answer, but: \(text)") }
        return (code, String(parts[1]))
    }
}

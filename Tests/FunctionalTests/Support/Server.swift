import Glibc

/// A running Apus, in the foreground and logging to us. Killed and reaped when it goes out of scope.
///
/// `#expect` cannot look into calls on a value that is not copyable: bind the result to a name first.
struct Server: ~Copyable {
    /// What the server logs once its sockets are open and its workers run.
    static let readyText = " is ready: "

    let folder: TemporaryFolder
    let port: UInt16
    private let child: Child

    /// Writes a config, starts the server with it and waits until it is ready.
    /// - Parameters:
    ///   - config: the text; it gets the port that the server is to listen on.
    ///   - arguments: in addition to `-f FILE -DD -E --debug=2`.
    ///   - files: further files beside the config (included scripts, lists): name to text.
    /// - Throws: when it ends, or is silent, instead of becoming ready; the error holds its log.
    init(
        arguments: [String] = [], files: [String: String] = [:], environment: [String: String] = [:],
        within limit: Duration = .seconds(20), config: (_ port: UInt16) -> String
    ) throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        for (name, text) in files { try folder.write(name, text) }
        let file = try folder.write("apus.cfg", config(port))
        let child = try Child(
            Products.path("apus"), ["-f", file, "-DD", "-E", "--debug=2"] + arguments,
            environment: environment, folder: folder.path)
        try child.waitForErrors(Server.readyText, within: limit)
        self.folder = folder
        self.port = port
        self.child = child
    }

    /// Checks a config (`-c`) and returns what the server says about it.
    static func check(_ config: String, arguments: [String] = [], files: [String: String] = [:]) throws -> ToolResult {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(name, text) }
        let file = try folder.write("apus.cfg", config)
        return try run(Products.path("apus"), ["-c", "-f", file, "-E"] + arguments, folder: folder.path)
    }

    var pid: pid_t { child.pid }
    var address: Address { Address("127.0.0.1", port) }
    /// What it has logged so far.
    var log: String { child.errors }
    var status: ExitStatus? { child.status }

    func signal(_ number: Int32) { child.signal(number) }

    /// Waits for a text in the log, counted from its beginning; an error that holds the log when it does not come.
    func waitForLog(_ text: String, within limit: Duration = .seconds(10)) throws {
        try child.waitForErrors(text, within: limit)
    }

    /// Waits for its end; nil when it does not come within the limit.
    func wait(within limit: Duration = .seconds(10)) -> ExitStatus? { child.wait(within: limit) }

    /// Asks it to end as an administrator would (SIGTERM), and returns how it did; nil when it does not end within the limit.
    func stop(within limit: Duration = .seconds(10)) -> ExitStatus? {
        child.signal(SIGTERM)
        return child.wait(within: limit)
    }
}

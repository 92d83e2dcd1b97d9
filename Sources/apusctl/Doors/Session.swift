import BinRPC
import Glibc

/// What a verb works with: the settings, and the way to the server, which is opened when it is first needed and kept.
final class Session {
    let invocation: Invocation
    let settings: Settings
    private var opened: ControlDoor?

    init(_ invocation: Invocation, _ settings: Settings) {
        self.invocation = invocation
        self.settings = settings
    }

    var json: Bool { invocation.json }
    var arguments: [String] { invocation.arguments }

    /// The file with the server's process id.
    var pidFile: String { settings["PID_FILE"] ?? "/var/run/apus.pid" }

    /// Milliseconds for one command: `--timeout`, or what the verb thinks right.
    func timeout(usually seconds: Int = 10) -> Int { invocation.timeout ?? seconds * 1000 }

    // MARK: - The control socket

    /// Executes a command through the control socket.
    /// - Parameters:
    ///   - module: what has the command, for the words when it is not there; nil: the server itself, or nobody knows.
    ///   - seconds: how long it usually may take.
    func call(
        _ command: String, _ arguments: [RPCValue] = [], of module: String? = nil, usually seconds: Int = 10
    ) throws(Failure) -> [RPCValue] {
        let timeout = timeout(usually: seconds)
        let door = try control(timeout)
        do { return try door.call(command, arguments, timeout: timeout) } catch {
            // Whatever comes over it now belongs to nobody.
            if error.exitCode != 1 { opened = nil }
            // Servers say in words of their own that there is no such command; its name is among them.
            guard let module, case .refused(let code, let text) = error, text.contains(command) else { throw error }
            throw .refused(code: code, text: "\(text); it comes with loadmodule \"\(module).so\"")
        }
    }

    /// Makes the server that runs read a table that has changed. One that does not run, or does not keep the table, needs nothing.
    func tellServer(_ command: String, of module: String) {
        do throws(Failure) { _ = try call(command, of: module) } catch {
            guard case .unreachable = error else {
                return Output.complain("apusctl: the server has not read the table again: \(error.text)")
            }
        }
    }

    private func control(_ timeout: Int) throws(Failure) -> ControlDoor {
        if let opened { return opened }
        var tried: [(ControlAddress, String)] = []
        for address in try addresses {
            do {
                let door = try ControlDoor(address, timeout: timeout)
                opened = door
                return door
            } catch {
                switch error {
                case .timeout: throw .timeout("\(address) does not take connections")
                case .closed: tried.append((address, "the connection is closed at once"))
                case .system(let code): tried.append((address, systemError(code)))
                }
            }
        }
        throw .unreachable(Unreachable.text(tried: tried, pidFile: pidFile))
    }

    private var addresses: [ControlAddress] {
        get throws(Failure) {
            if let named = invocation.socket ?? settings["APUS_CTL"] { return [try ControlAddress(named)] }
            return ControlAddress.usual(runFolder: settings["XDG_RUNTIME_DIR"])
        }
    }

    // MARK: - The FIFO

    /// The FIFO that is to be used instead of the control socket; nil when none is asked for.
    var fifo: FIFODoor? {
        guard invocation.socket == nil else { return nil }
        return (invocation.fifo ?? settings["SER_FIFO", "OSER_FIFO"]).map { door($0) }
    }

    /// The FIFO, also when nobody has named it.
    var anyFIFO: FIFODoor { fifo ?? door("/tmp/ser_fifo") }

    private func door(_ path: String) -> FIFODoor {
        FIFODoor(path: path, replyFolder: settings["FIFO_REPLY_DIR"] ?? "/tmp")
    }

    /// Executes a command through a FIFO and returns its reply, whatever the code.
    func reply(
        _ door: FIFODoor, _ command: String, _ arguments: [String] = [], usually seconds: Int = 10
    ) throws(Failure) -> FIFODoor.Reply {
        do { return try door.call(command, arguments, timeout: timeout(usually: seconds)) } catch {
            guard case .unreachable(let trouble) = error else { throw error }
            throw .unreachable(Unreachable.fifoText(trouble, path: door.path, pidFile: pidFile))
        }
    }

    /// The same; a bad code is an error.
    func lines(
        _ door: FIFODoor, _ command: String, _ arguments: [String] = [], usually seconds: Int = 10
    ) throws(Failure) -> [String] {
        let reply = try reply(door, command, arguments, usually: seconds)
        guard reply.isGood else { throw .refused(code: reply.code, text: reply.reason) }
        return reply.lines
    }

    /// For verbs that need structured answers.
    func refuseFIFO() throws(Failure) {
        guard fifo == nil else {
            throw .usage("this needs the control socket: --socket ADDRESS, and no --fifo or SER_FIFO")
        }
    }
}

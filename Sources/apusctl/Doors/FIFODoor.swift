import Glibc

/// The text protocol over a FIFO: a command with an argument per line goes in, the reply comes through a FIFO of ours that the request names.
struct FIFODoor {
    /// The server's FIFO.
    let path: String
    /// Where the server looks for reply FIFOs.
    let replyFolder: String

    struct Reply: Equatable {
        var code: Int64
        var reason: String
        var lines: [String]

        /// "200 OK"
        var status: String { reason.isEmpty ? "\(code)" : "\(code) \(reason)" }
        var isGood: Bool { (200..<300).contains(code) }

        /// A status line and what follows. nil when the first line has no code.
        init?(_ text: String) {
            var lines = text.lines
            if lines.last == "" { lines.removeLast() }
            guard let first = lines.first else { return nil }
            let words = first.split(separator: " ", maxSplits: 1)
            guard let code = words.first.flatMap({ Int64($0) }), (100...999).contains(code) else { return nil }
            self.code = code
            reason = words.count == 2 ? String(words[1]) : ""
            self.lines = Array(lines.dropFirst())
        }
    }

    /// Executes a command.
    /// - Parameter timeout: milliseconds for the whole of it.
    /// - Returns: the reply, whatever its code.
    func call(_ command: String, _ arguments: [String] = [], timeout: Int) throws(Failure) -> Reply {
        let deadline = monotonicMilliseconds() + timeout
        // Before anything is made: without a server there is nothing to clean up.
        let out = try openServer()
        defer { close(out) }
        let name = "apusctl-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let reply = replyFolder + "/" + name
        let input = try makeReply(reply)
        defer {
            close(input)
            unlink(reply)
        }
        let request = ([":\(command):\(name)"] + arguments + [""]).map { $0 + "\n" }.joined()
        try write(Array(request.utf8), to: out, until: deadline)
        let text = try read(input, command, until: deadline, timeout)
        guard let answer = Reply(text) else {
            throw .refused("\(path): the reply to \(command) has no status line: \(text.prefix(200))")
        }
        return answer
    }

    private func openServer() throws(Failure) -> Int32 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .unreachable("\(path): \(systemError())") }
        guard status.st_mode & S_IFMT == S_IFIFO else { throw .unreachable("\(path): this is no FIFO") }
        let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .unreachable("\(path): " + (errno == ENXIO ? "nobody reads it" : systemError()))
        }
        return descriptor
    }

    /// The server may be another user: he needs to write to the reply, and nobody else needs to read it.
    private func makeReply(_ reply: String) throws(Failure) -> Int32 {
        guard mkfifo(reply, 0o600) == 0 else { throw .refused("\(reply): \(systemError())") }
        let input = open(reply, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard input >= 0 else {
            unlink(reply)
            throw .refused("\(reply): \(systemError())")
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_uid != geteuid() {
            // As root it becomes his; others let everybody write.
            if fchown(input, status.st_uid, gid_t.max) != 0 { fchmod(input, 0o622) }
        }
        return input
    }

    private func write(_ bytes: [UInt8], to out: Int32, until deadline: Int) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(out, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                do { try Wire.wait(out, POLLOUT, until: deadline) } catch {
                    throw .timeout("\(path) takes nothing: the server does not read it")
                }
            } else if errno != EINTR {
                throw .unreachable("\(path): \(systemError())")
            }
        }
    }

    private func read(_ input: Int32, _ command: String, until deadline: Int, _ timeout: Int) throws(Failure) -> String
    {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            do { try Wire.wait(input, POLLIN, until: deadline) } catch {
                throw .timeout("\(path): no reply to \(command) within \(ControlDoor.seconds(timeout))")
            }
            let count = chunk.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EAGAIN, errno != EINTR {
                throw .refused("\(path): the reply cannot be read: \(systemError())")
            }
        }
    }
}

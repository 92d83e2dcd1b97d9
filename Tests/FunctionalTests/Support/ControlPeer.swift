import BinRPC
import Glibc
import Synchronization

/// Who answers on a control socket, in a thread of its own: what a client makes of a server's words, good and bad, does not take a server.
///
/// Invariants: the socket is open until the thread, which keeps the object alive, has ended.
final class ControlPeer: Sendable {
    enum Answer: Sendable {
        case values([RPCValue])
        case fault(Int64, String)
        /// These bytes, whatever they are.
        case bytes([UInt8])
        /// An answer to somebody else's request before the right one.
        case late([RPCValue])
        case silence
        case hangup
    }

    let path: String
    private let socket: Int32
    private let answers: Mutex<[String: [Answer]]>
    private let requests = Mutex<[String]>([])
    private let isOver = Atomic(false)

    /// - Parameter answers: by command, one after the other; the last one stays. A command that is not there does not exist.
    init(_ folder: String, _ answers: [String: [Answer]]) throws {
        path = folder + "/ctl"
        self.answers = Mutex(answers)
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnixAddress(path) { [socket] in bind(socket, $0, $1) }
        guard bound == 0, listen(socket, 8) == 0 else {
            throw HarnessError("cannot listen on \(path): \(String(cString: strerror(errno)))")
        }
        startThread { self.work() }
    }

    /// Nothing is answered any more.
    func stop() { isOver.store(true, ordering: .relaxed) }

    /// What was asked: commands with their arguments.
    var asked: [String] { requests.withLock { $0 } }

    private func work() {
        var clients: [Int32: [UInt8]] = [:]
        while !isOver.load(ordering: .relaxed) {
            var waits = ([socket] + clients.keys).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waits, nfds_t(waits.count), 50) > 0 else { continue }
            for wait in waits where wait.revents != 0 {
                if wait.fd == socket {
                    let client = accept(socket, nil, nil)
                    if client >= 0 { clients[client] = [] }
                } else if !serve(wait.fd, &clients[wait.fd]!) {
                    close(wait.fd)
                    clients[wait.fd] = nil
                }
            }
        }
        for client in clients.keys { close(client) }
        close(socket)
    }

    /// Reads and answers; false when the connection is over.
    private func serve(_ client: Int32, _ bytes: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = recv(client, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        bytes += chunk[..<count]
        while let (header, size) = try? PacketHeader.read(bytes), bytes.count >= size + header.bodySize {
            guard let request = try? Packet.readRequest(bytes[size..<size + header.bodySize]) else { return false }
            bytes.removeFirst(size + header.bodySize)
            guard answer(client, request, header.cookie) else { return false }
        }
        return true
    }

    private func answer(_ client: Int32, _ request: (command: [UInt8], arguments: [RPCValue]), _ cookie: UInt32) -> Bool
    {
        let name = String(decoding: request.command, as: UTF8.self)
        requests.withLock { $0.append(([name] + request.arguments.map { "\($0)" }).joined(separator: " ")) }
        let answer = answers.withLock { answers -> Answer in
            guard let list = answers[name] else { return .fault(404, "there is no command \(name)") }
            if list.count > 1 { answers[name]?.removeFirst() }
            return list[0]
        }
        switch answer {
        case .values(let values): send(client, reply(values, cookie))
        case .fault(let code, let text): send(client, Packet.fault(code, text.utf8, cookie: cookie))
        case .bytes(let bytes): send(client, bytes)
        case .late(let values): send(client, reply([.text("stale")], cookie &- 1) + reply(values, cookie))
        case .silence: break
        case .hangup: return false
        }
        return true
    }

    private func reply(_ values: [RPCValue], _ cookie: UInt32) -> [UInt8] {
        var writer = RecordWriter()
        for value in values { writer.value(value) }
        return Packet.reply(writer.bytes, cookie: cookie)
    }

    /// In pieces: a client has to put them together.
    private func send(_ client: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(rest.count > 20_000 ? 20_000 : 7))
            guard Glibc.send(client, piece, piece.count, Int32(MSG_NOSIGNAL)) == piece.count else { return }
            rest = rest.dropFirst(piece.count)
        }
    }
}

extension RPCValue {
    /// A map in the order of writing.
    static func members(_ members: KeyValuePairs<String, RPCValue>) -> RPCValue {
        .map(members.map { RPCValue.Member(name: Array($0.key.utf8), value: $0.value) })
    }
}

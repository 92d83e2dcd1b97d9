import Glibc
import Synchronization

/// A name server in a thread of its own, which knows what a test tells it, and remembers what it was asked.
///
/// Invariants: the socket is open until the thread, which keeps the object alive, has ended.
final class DNSServer: Sendable {
    enum Records: Sendable {
        /// IPv4 addresses.
        case a([String])
        /// Priority, weight, port, target.
        case srv([(priority: UInt16, weight: UInt16, port: UInt16, target: String)])
        /// No answer.
        case silence
    }

    private struct State {
        var zone: [String: Records]
        var asked: [String] = []
    }

    private let socket: DatagramSocket
    private let state: Mutex<State>
    private let isOver = Atomic(false)

    var address: Address { socket.address }

    /// - Parameter zone: by type and name: "SRV _sip._udp.one.test". What is not there does not exist.
    init(_ zone: [String: Records]) throws {
        socket = try DatagramSocket()
        state = Mutex(State(zone: zone))
        startThread { self.work() }
    }

    /// Nothing is answered any more.
    func stop() { isOver.store(true, ordering: .relaxed) }

    /// From now on this is the answer.
    func set(_ question: String, _ records: Records) { state.withLock { $0.zone[question] = records } }

    /// How often it has been asked for that.
    func questions(_ question: String) -> Int { state.withLock { state in state.asked.count { $0 == question } } }

    /// Waits until it has been asked so many times.
    func waitUntilAsked(_ question: String, times: Int = 1) throws {
        guard until({ questions(question) >= times }) else {
            throw HarnessError("nobody asked for \(question)")
        }
    }

    private func work() {
        while !isOver.load(ordering: .relaxed) {
            var wait = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 50) > 0 else { continue }
            while let (packet, from) = socket.receiveFrom() { answer(packet, to: from) }
        }
    }

    /// RFC 1035 section 4: header, the question again, records that point to its name.
    private func answer(_ packet: [UInt8], to sender: Address) {
        var at = 12
        var labels: [String] = []
        while at < packet.count, packet[at] != 0, at + Int(packet[at]) < packet.count {
            labels.append(String(decoding: packet[(at + 1)...(at + Int(packet[at]))], as: UTF8.self).lowercased())
            at += Int(packet[at]) + 1
        }
        guard packet.count >= at + 5 else { return }
        let type = packet[at + 2]
        let names: [UInt8: String] = [1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR"]
        let name = labels.joined(separator: ".")
        let question = "\(names[type] ?? "\(type)") \(name)"
        let (records, exists) = state.withLock { state in
            state.asked.append(question)
            return (state.zone[question], state.zone.keys.contains { $0.hasSuffix(" " + name) })
        }
        let data: [[UInt8]]
        switch records {
        case .silence: return
        case nil: data = []
        case .a(let addresses): data = addresses.map { $0.split(separator: ".").compactMap { UInt8($0) } }
        case .srv(let list): data = list.map { two($0.priority) + two($0.weight) + two($0.port) + text($0.target) }
        }
        var reply = Array(packet[..<(at + 5)])
        (reply[2], reply[3]) = (0x81, exists ? 0x80 : 0x83)
        for index in 6..<12 { reply[index] = 0 }
        reply[7] = UInt8(data.count)
        for bytes in data { reply += [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60] + two(UInt16(bytes.count)) + bytes }
        socket.send(reply, to: sender)
    }

    private func two(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
    private func text(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }
}

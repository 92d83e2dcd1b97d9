import CLinux
import Glibc

@testable import Core

/// A name server of the test's own thread: it answers from a zone while the test waits for something, and remembers what was asked.
final class NameServer {
    enum Records {
        case a([String])
        case aaaa([String])
        /// Priority, weight, port, target.
        case srv([(UInt16, UInt16, UInt16, String)])
        /// Order, preference, flags, service, replacement.
        case naptr([(UInt16, UInt16, String, String, String)])
        /// The name is there, but not with such records.
        case noData
        /// No answer.
        case silence
        case failure(code: UInt8)
        /// So many records are announced, and these bytes follow the question.
        case raw(count: UInt8, [UInt8])
    }

    struct Question {
        let packet: [UInt8]
        let from: SocketAddress
        let name: String
        let type: UInt8

        /// "SRV _sip._udp.example.com".
        var text: String {
            "\([1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR"][type] ?? "\(type)") \(name.lowercased())"
        }
    }

    let peer: TestPeer
    /// By the question's text. What is not here does not exist.
    var zone: [String: Records] = [:]
    var ttl: UInt32 = 60
    /// Nothing is answered.
    var isSilent = false
    private(set) var asked: [String] = []

    init() throws { peer = try TestPeer() }

    /// Answers until the peer has something to read, 20 s at most.
    func receive(_ client: TestPeer) -> String? {
        while true {
            var polls = [
                pollfd(fd: client.fd, events: Int16(POLLIN), revents: 0),
                pollfd(fd: peer.fd, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polls, 2, 20_000) > 0 else { return nil }
            if polls[1].revents != 0, let question = question(), !isSilent { answer(question) }
            if polls[0].revents != 0 { return client.receive().map { String(decoding: $0.bytes, as: UTF8.self) } }
        }
    }

    /// What was asked since the last call, in order; the question of a name asked again is there once.
    func takeAsked() -> [String] {
        defer { asked = [] }
        var seen: Set<String> = []
        return asked.filter { seen.insert($0).inserted }
    }

    var askedCount: Int { asked.count }

    func question() -> Question? {
        guard let (packet, from) = peer.receive(), packet.count > 16 else { return nil }
        var at = 12
        var labels: [String] = []
        while packet[at] != 0 {
            labels.append(String(decoding: packet[(at + 1)...(at + Int(packet[at]))], as: UTF8.self))
            at += Int(packet[at]) + 1
        }
        let question = Question(
            packet: Array(packet[0..<at + 5]), from: from, name: labels.joined(separator: "."), type: packet[at + 2])
        asked.append(question.text)
        return question
    }

    func answer(_ question: Question) {
        switch zone[question.text] {
        case .silence: break
        case .failure(let code): send(question, code: code, [])
        case nil: send(question, code: 3, [])
        case .noData: send(question, code: 0, [])
        case .a(let texts), .aaaa(let texts): send(question, code: 0, texts.map(NameServer.address))
        case .srv(let records):
            send(question, code: 0, records.map { two($0.0) + two($0.1) + two($0.2) + NameServer.name($0.3) })
        case .naptr(let records):
            send(
                question, code: 0,
                records.map { two($0.0) + two($0.1) + text($0.2) + text($0.3) + [0] + NameServer.name($0.4) })
        case .raw(let count, let bytes): send(question, code: 0, count: count, bytes)
        }
    }

    /// RFC 1035 section 4: header, the question again, records that point to its name.
    private func send(_ question: Question, code: UInt8, _ data: [[UInt8]]) {
        let seconds = two(UInt16(ttl >> 16)) + two(UInt16(ttl & 0xFFFF))
        var records: [UInt8] = []
        for bytes in data {
            records += [0xC0, 12, 0, question.type, 0, 1] + seconds + two(UInt16(bytes.count)) + bytes
        }
        send(question, code: code, count: UInt8(data.count), records)
    }

    private func send(_ question: Question, code: UInt8, count: UInt8, _ records: [UInt8]) {
        var packet = question.packet
        (packet[2], packet[3]) = (0x81, 0x80 | code)
        (packet[6], packet[7]) = (0, count)
        for i in 8..<12 { packet[i] = 0 }
        peer.send(packet + records, to: question.from)
    }

    private func two(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
    private func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + text.utf8 }

    static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }

    private static func address(_ text: String) -> [UInt8] {
        let address = SocketAddress(text)!
        if address.isV4 { return bytes(address.word0) }
        return bytes(address.word1) + bytes(address.word2) + bytes(address.word3) + bytes(address.word4)
    }

    private static func bytes(_ word: UInt32) -> [UInt8] { withUnsafeBytes(of: word) { [UInt8]($0) } }
}

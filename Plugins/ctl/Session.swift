import BinRPC
import DoorKit
import PluginKit

// Invariants: on the management thread. A session is its peer's `user`, which keeps a reference until `end`.

/// What one peer asks, a request at a time, and what it is answered.
final class Session: Exchange {
    private let peer: UnsafeMutablePointer<apus_peer>
    private var cookie: UInt32 = 0

    private init(_ peer: UnsafeMutablePointer<apus_peer>) {
        self.peer = peer
        super.init(peer.pointee.host)
    }

    static func of(_ peer: UnsafeMutablePointer<apus_peer>) -> Session {
        if let made = peer.pointee.user { return Unmanaged<Session>.fromOpaque(made).takeUnretainedValue() }
        let made = Session(peer)
        peer.pointee.user = Unmanaged.passRetained(made).toOpaque()
        return made
    }

    static func end(_ peer: UnsafeMutablePointer<apus_peer>) {
        guard let made = peer.pointee.user else { return }
        peer.pointee.user = nil
        let session = Unmanaged<Session>.fromOpaque(made).takeRetainedValue()
        session.cancel()
    }

    private var isDatagram: Bool {
        Int(peer.pointee.kind) == APUS_DOOR_UDP || Int(peer.pointee.kind) == APUS_DOOR_UNIX_DATAGRAM
    }

    // MARK: - Requests

    /// - Returns: bytes used; 0 when some are missing; negative when they cannot be understood.
    func received(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64 {
        do throws(ReadFault) {
            guard let (header, size) = try PacketHeader.read(bytes) else { return incomplete() }
            cookie = header.cookie
            guard header.kind == .request else { return refuse(400, "only requests are answered here") }
            let most = Int(state.pointee.maxBody) << 10
            guard header.bodySize <= most else {
                return refuse(413, "the request has \(header.bodySize) bytes, at most \(most) are taken")
            }
            guard bytes.count >= size + header.bodySize else { return incomplete() }
            let used = Int64(size + header.bodySize)
            start(UnsafeBufferPointer(rebasing: bytes[size..<size + header.bodySize]))
            return used
        } catch { return refuse(400, error.description) }
    }

    private func incomplete() -> Int64 { isDatagram ? refuse(400, "the request is cut off") : 0 }

    func refused(_ reason: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
        if let header = try? PacketHeader.read(bytes)?.0 { cookie = header.cookie }
        switch reason {
        case APUS_DOOR_TOO_SLOW:
            _ = refuse(408, "the request was not complete within \(state.pointee.timeout) ms")
        case APUS_DOOR_TOO_LARGE: _ = refuse(413, "the request is too large")
        default: _ = refuse(400, "the request is cut off")
        }
    }

    /// The framing holds: what is wrong in a body is told, and the next request is read.
    private func start(_ body: UnsafeBufferPointer<UInt8>) {
        do throws(ReadFault) {
            let (command, arguments) = try Packet.readRequest(body)
            var row = ItemRow()
            for argument in arguments { row.add(argument, converts: state.pointee.converts != 0) }
            peer.hold(true)
            start(command, row, Options(door: "ctl", peer: peer.pointee.name))
        } catch {
            send(Packet.fault(400, error.description.utf8, cookie: cookie))
            if isDatagram { peer.close() }
        }
    }

    private func refuse(_ code: Int64, _ text: String) -> Int64 {
        send(Packet.fault(code, text.utf8, cookie: cookie))
        return -1
    }

    // MARK: - Replies

    override func received(_ result: Result) {
        if result.code == 200 {
            let writer = ReplyWriter(result)
            if !send(Packet.reply(writer.records.bytes, cookie: cookie)), isDatagram {
                let text =
                    "the answer has \(writer.records.bytes.count) bytes, too many for a datagram: use unixs or tcp"
                send(Packet.fault(500, text.utf8, cookie: cookie))
            }
        } else {
            send(Packet.fault(Int64(result.code), result.text.bytes, cookie: cookie))
        }
        if isDatagram { peer.close() } else { peer.hold(false) }
    }

    @discardableResult
    private func send(_ packet: [UInt8]) -> Bool { packet.withStr { peer.write($0) } }
}

extension ItemRow {
    /// An argument as binrpc has it.
    fileprivate mutating func add(_ value: RPCValue, key: [UInt8]? = nil, converts: Bool) {
        switch value {
        case .int(let number): int(number, key: key)
        case .double(let number): double(number, key: key)
        case .text(let text), .bytes(let text): self.text(text, key: key, convertible: converts)
        case .array(let values):
            openArray(key: key)
            for value in values { add(value, converts: converts) }
            close()
        case .map(let members):
            openMap(key: key)
            for member in members { add(member.value, key: member.name, converts: converts) }
            close()
        }
    }
}

import DoorKit
import PluginKit

// Invariants: made by a module's `start`, which never frees it, then the management thread's alone. An exchange is in `exchanges` from its
// beginning until its command has answered and its peer is gone: peers and executions point to it without a reference. A peer is not touched
// after `closed`.

/// A door of the text protocols: a FIFO, or a socket for datagrams.
public final class TextDoor {
    let host: Host
    let dialect: Dialect
    let settings: Settings
    private var reader: RequestReader
    /// When bytes came last.
    private var lastRead: UInt64 = 0
    /// Of the FIFO.
    private(set) var writers: UnsafeMutablePointer<apus_peer>?
    private var exchanges: [ObjectIdentifier: Exchange] = [:]

    /// What the config says, with texts that live for ever.
    public struct Settings {
        /// The door's name, as commands and the log know it.
        public var name: apus_str
        /// Where reply files are.
        public var replyFolder: apus_str = "/tmp/"
        /// In front of each level of a tree.
        public var indent: apus_str = "\t"
        /// For a request to become whole and a reply to be taken.
        public var milliseconds: Int64 = 2000

        public init(name: apus_str) { self.name = name }
    }

    /// Requests under way; what comes beyond them waits in the kernel.
    private static let limit = 128
    /// Milliseconds without a byte after which whatever comes begins a request.
    private static let pause: UInt64 = 2000

    /// Opens it. In a module's `start`.
    /// - Returns: false when it cannot be opened; the log says why.
    public static func open(
        _ host: Host, _ dialect: Dialect, _ settings: Settings, _ address: DoorAddress, _ access: DoorAccess
    ) -> Bool {
        let speech = DoorSpeech(
            maxRequest: Int64(RequestReader.maxRequest), maxPeers: 0, milliseconds: settings.milliseconds,
            received: { peer, bytes in TextDoor.of(peer).received(peer, bytes) },
            refused: { peer, reason, bytes in TextDoor.of(peer).refused(peer, reason, bytes) },
            drained: { peer in Exchange.of(peer)?.drained() }, closed: { peer in TextDoor.of(peer).closed(peer) })
        let made = TextDoor(host, dialect, settings)
        return host.open(address, access, speech, user: Unmanaged.passRetained(made).toOpaque())
    }

    private init(_ host: Host, _ dialect: Dialect, _ settings: Settings) {
        self.host = host
        self.dialect = dialect
        self.settings = settings
        reader = TextDoor.reader(host, dialect)
    }

    private static func reader(_ host: Host, _ dialect: Dialect) -> RequestReader {
        RequestReader(dialect) { name in host.form(name, dialect).flatMap { ArgumentPart.parse($0) } }
    }

    /// The peer of a reply FIFO has the door of the FIFO it was made for.
    private static func of(_ peer: UnsafeMutablePointer<apus_peer>) -> TextDoor {
        Unmanaged<TextDoor>.fromOpaque(peer.pointee.door.unsafelyUnwrapped).takeUnretainedValue()
    }

    private static func isDatagram(_ peer: UnsafeMutablePointer<apus_peer>) -> Bool {
        peer.pointee.kind == UInt32(APUS_DOOR_UNIX_DATAGRAM) || peer.pointee.kind == UInt32(APUS_DOOR_UDP)
    }

    // MARK: - Requests

    private func received(_ peer: UnsafeMutablePointer<apus_peer>, _ bytes: apus_str) -> Int64 {
        let raw = UnsafeRawBufferPointer(start: bytes.s, count: bytes.len)
        if TextDoor.isDatagram(peer) {
            readDatagram(peer, raw)
            return Int64(bytes.len)
        }
        writers = peer
        let now = host.pointee.timer.pointee.now(host)
        if now &- lastRead > TextDoor.pause { reader.forget() }
        lastRead = now
        let used = reader.read(raw, atMost: TextDoor.limit - exchanges.count) { take($0, from: peer) }
        holdOrGoOn()
        return Int64(used)
    }

    private func refused(_ peer: UnsafeMutablePointer<apus_peer>, _ reason: UInt32, _ bytes: apus_str) {
        let raw = UnsafeRawBufferPointer(start: bytes.s, count: bytes.len)
        var reader = TextDoor.isDatagram(peer) ? TextDoor.reader(host, dialect) : self.reader
        reader.end(reason == UInt32(APUS_DOOR_TOO_LARGE) ? .tooLarge : .tooSlow, raw) { take($0, from: peer) }
        if !TextDoor.isDatagram(peer) { self.reader = reader }
    }

    private func readDatagram(_ peer: UnsafeMutablePointer<apus_peer>, _ bytes: UnsafeRawBufferPointer) {
        var reader = TextDoor.reader(host, dialect)
        var found: RequestReader.Outcome?
        let used = reader.read(bytes, atMost: 1) { found = $0 }
        if found == nil {
            reader.end(.datagram, UnsafeRawBufferPointer(rebasing: bytes[used...])) { found = found ?? $0 }
        }
        guard let found else { return host.pointee.door.pointee.close(peer) }
        take(found, from: peer)
    }

    private func take(_ outcome: RequestReader.Outcome, from peer: UnsafeMutablePointer<apus_peer>) {
        let destination: (String?) -> Exchange.Destination = { file in
            TextDoor.isDatagram(peer) ? .sender(peer) : file.map { .file($0) } ?? .nobody
        }
        switch outcome {
        case .refused(let code, let text, let file):
            host.log(.warning, "\(settings.name.string): \(text)")
            let exchange = Exchange(self, destination(file), isForm: true)
            exchanges[ObjectIdentifier(exchange)] = exchange
            exchange.refuse(code, text)
        case .request(let request):
            let isForm = host.form(request.name, dialect) != nil
            let exchange = Exchange(self, destination(request.replyFile), isForm: isForm)
            exchanges[ObjectIdentifier(exchange)] = exchange
            exchange.execute(request, for: peer.pointee.name)
        }
    }

    // MARK: - Exchanges

    /// The exchange is over.
    func forget(_ exchange: Exchange) {
        exchanges[ObjectIdentifier(exchange)] = nil
        holdOrGoOn()
    }

    /// As long as too much is under way nothing more is read of the FIFO.
    private func holdOrGoOn() {
        guard let writers else { return }
        host.pointee.door.pointee.hold(writers, exchanges.count < TextDoor.limit ? 0 : 1)
    }

    private func closed(_ peer: UnsafeMutablePointer<apus_peer>) {
        if peer == writers { writers = nil }
        Exchange.of(peer)?.peerIsGone()
    }
}

extension UnsafePointer<apus_host> {
    /// The declared arguments of a command's form; nil when it has none in this dialect.
    public func form(_ name: [UInt8], _ dialect: Dialect) -> String? {
        // Commands are what they are elsewhere there.
        if dialect == .ctl { return nil }
        let form = name.withUnsafeBufferPointer { name in
            pointee.rpc.pointee.form(self, dialect.flag, apus_str(start: name.baseAddress, count: name.count))
        }
        return form.isNull ? nil : form.string
    }
}

extension Dialect {
    /// `APUS_RPC_…_TEXT`; none for ctl's.
    public var flag: UInt32 {
        switch self {
        case .ser: UInt32(APUS_RPC_SER_TEXT)
        case .mi: UInt32(APUS_RPC_MI_TEXT)
        case .ctl: 0
        }
    }
}

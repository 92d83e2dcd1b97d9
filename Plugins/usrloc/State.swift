import Glibc
import Locations
import PluginKit
import RoutingKit
import Synchronization

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module declares itself and starts, and
// only read by workers. A Table is made in `start` and lies at one address for ever: it is the usrloc_table of the contract.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    var host: Host?
    var db: OpaquePointer?
    var rows: RowShape?
    /// Of the parameter `preload`.
    var preloads: [apus_str] = []
    let store: UnsafeMutablePointer<LocationSettings>
    let names: Names
    let ruids: UnsafeMutablePointer<RuidSource>
    let tables = UnsafeMutablePointer<UnsafeMutablePointer<Table>>.allocate(capacity: State.mostTables)
    var tableCount = 0
    let listeners = UnsafeMutablePointer<Listener>.allocate(capacity: State.mostListeners)
    var listenerCount = 0
    /// Kinds of events that somebody wants to hear of.
    var wanted: UInt32 = 0
    var expiredEvent: CInt = -1
    var eventSlot: CInt = 0
    var lanes: UnsafeMutablePointer<Lanes>?
    /// What others see of the module.
    var interface: UnsafePointer<usrloc_api>?
    let keepalives = KeepAlives.make()

    static let mostTables = 64
    static let mostListeners = 64

    /// What names of tables consist of.
    fileprivate static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// A callback that was registered.
    struct Listener {
        let host: Host
        let kinds: UInt32
        let call: @convention(c) (UnsafePointer<usrloc_event>) -> Void
        let user: UnsafeMutableRawPointer?
    }

    /// The module's state for functions that are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}

/// A table of contacts.
struct Table {
    let name: apus_str
    /// The table of what scripts have put on its contacts.
    let attributes: apus_str
    let store: LocationTable
}

typealias TableRef = UnsafeMutablePointer<Table>

extension UnsafeMutablePointer<Table> {
    var handle: OpaquePointer { OpaquePointer(self) }

    init(handle: OpaquePointer) { self.init(handle) }
}

/// The state, once the module has declared itself.
var state: UnsafeMutablePointer<State> { State.shared.unsafelyUnwrapped }

func makeState(_ host: Host) -> UnsafeMutablePointer<State> {
    let ruids = UnsafeMutablePointer<RuidSource>.allocate(capacity: 1)
    let sameURI = host.pointee.message.pointee.same_uri
    return permanent(
        State(
            host: host, store: permanent(LocationSettings(sameURI: sameURI)),
            names: Names(
                UnsafeRawPointer(host),
                resolve: { host, text in
                    host.flatMap { Host($0.assumingMemoryBound(to: apus_host.self)).listener(text) }
                },
                describe: { host, listener in
                    guard let host = host.map({ Host($0.assumingMemoryBound(to: apus_host.self)) }) else { return "" }
                    return apus_listener_info.filled { host.pointee.net.pointee.info(listener, $0) }?.text ?? ""
                }), ruids: ruids))
}

extension UnsafeMutablePointer<State> {
    /// [start] Once parameters are set.
    func start(_ host: Host) -> CInt {
        let settings = pointee.settings
        let serverId = UInt32(clamping: host.core("server_id").num)
        pointee.ruids.initialize(to: RuidSource(start: wallSeconds(), server: serverId))
        let store = pointee.store
        store.pointee.matchingMode = Int(settings.matchingMode)
        store.pointee.cseqDelay = UInt32(settings.cseqDelay)
        store.pointee.ordersByTime = settings.ordersByTime != 0
        store.pointee.keepsExpired = UInt32(settings.keepsExpired)
        store.pointee.serverId = serverId
        switch settings.place {
        case .writeThrough: store.pointee.rows = .through
        case .writeBack: store.pointee.rows = .back
        default: store.pointee.rows = .none
        }
        if settings.place != .memory {
            guard let db = host.pointee.db.pointee.open(host, settings.url, nil) else { return .false }
            pointee.db = db
            pointee.rows = RowShape(settings, serverId: serverId)
            pointee.lanes = Lanes.make()
        }
        followConnections(host)
        guard pointee.keepalives.start(host, settings.keepalive, pointee.settings) else { return .false }
        for name in pointee.preloads where makeTable(host, name) == nil { return .false }
        return beginTimers(host) ? .true : .false
    }

    /// The table of that name, if there is one.
    func table(_ name: apus_str) -> TableRef? {
        for index in 0..<pointee.tableCount where pointee.tables[index].pointee.name.equals(name) {
            return pointee.tables[index]
        }
        return nil
    }

    /// [start] The table of that name, made and loaded if it is new; nil with the reason in the log.
    func makeTable(_ host: Host, _ name: apus_str) -> TableRef? {
        if let known = table(name) { return known }
        guard 1...64 ~= name.len, name.bytes.allSatisfy({ State.isNameByte($0) }) else {
            host.log(.error, "`\(name.string)` is no name for a table")
            return nil
        }
        guard pointee.tableCount < State.mostTables else {
            host.log(.error, "there is no room for the table \(name.string): \(State.mostTables) are the most")
            return nil
        }
        let copy = CopyArena.permanent(name)
        let store = LocationTable(
            settings: pointee.store, names: pointee.names, exponent: Int(pointee.settings.hashSize), now: wallSeconds())
        let table = permanent(Table(name: copy, attributes: CopyArena.permanent(name, "_attrs"), store: store))
        declareStatistics(host, table)
        guard load(host, table) else { return nil }
        (pointee.tables + pointee.tableCount).initialize(to: table)
        pointee.tableCount += 1
        return table
    }

    // MARK: - Those who listen

    /// [worker] [management] Tells whoever wants to know of what a change has done. No lock is held.
    func tell(_ table: TableRef, _ aor: apus_str, _ change: Change) {
        guard change.eventCount > 0, let events = change.events else { return }
        for index in 0..<change.eventCount {
            var contact = events[index].contact
            tell(table, aor, change.hash, events[index].kind, &contact)
        }
    }

    func tell(
        _ table: TableRef, _ aor: apus_str, _ hash: UInt64, _ kind: UInt32,
        _ contact: UnsafePointer<usrloc_contact>
    ) {
        for index in 0..<pointee.listenerCount where pointee.listeners[index].kinds & kind != 0 {
            let listener = pointee.listeners[index]
            var event = usrloc_event(
                size: UInt32(MemoryLayout<usrloc_event>.size), kind: kind, host: listener.host, table: table.handle,
                aor: aor,
                hash: hash, contact: contact, user: listener.user)
            listener.call(&event)
        }
    }
}

extension CopyArena {
    /// A copy for ever, with something behind it.
    static func permanent(_ text: apus_str, _ suffix: apus_str = "") -> apus_str {
        let size = text.len + suffix.len
        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: max(size, 1))
        var writer = Writer(place, capacity: size)
        writer.add(text)
        writer.add(suffix)
        return writer.text
    }
}

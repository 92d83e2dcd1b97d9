import PluginAPI

// Invariants: an apus_peer lies in a PeerMemory, which its ContractPeer keeps, which is the peer's context from the first call about it until
// `closed` has returned. A door's texts are copied; its functions and `user` are for ever.

/// The group `door`: apus/door.h.
extension HostTables {
    static func makeDoor() -> apus_door_api {
        apus_door_api(
            size: size(apus_door_api.self),
            open: { host, door in
                host.declaring("door->open", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
                    let first = MemoryLayout<apus_door>.end(of: \.user)
                    return try GivenStruct.read(door, apus_door.self, name: "apus_door", first: first) {
                        (given) throws(Registry.Refusal) in
                        guard !given.isNull(\.received) else { throw Registry.Refusal(text: "`received` is null") }
                        return try HostTables.open(given.contents, host, module, modules)
                    }
                }
            },
            write: { peer, bytes in HostTables.answer(HostTables.peer(peer).write(HostTables.raw(bytes))) },
            pending: { peer in HostTables.peer(peer).pending },
            hold: { peer, on in HostTables.peer(peer).hold(on != 0) },
            close: { peer in HostTables.peer(peer).close() },
            reply_to: { asker, folder, name in
                let asker = HostTables.peer(asker)
                guard let handler = asker.door.handler as? ContractDoor,
                    let peer = asker.door.reply(folder: folder.string, name: name.string)
                else { return nil }
                return handler.contract(peer, door: (asker.context as? ContractPeer)?.memory.pointee.peer.door)
            },
            each: { host, show, user in
                for door in host.modules.management.doors {
                    guard let handler = door.handler as? ContractDoor, handler.host == host else { continue }
                    let kind = door.place.kind.rawValue
                    PermanentText.withBytes(of: door.place.text) { show(nil, kind, $0, user) }
                    for peer in door.present {
                        let made = UnsafePointer(handler.contract(peer))
                        PermanentText.withBytes(of: peer.name) { show(made, kind, $0, user) }
                    }
                }
            })
    }

    private static func open(
        _ given: apus_door, _ host: UnsafePointer<apus_host>, _ module: LoadedModule, _ modules: Modules
    ) throws(Registry.Refusal) -> CInt {
        guard let kind = DoorPlace.Kind(rawValue: given.kind) else {
            throw Registry.Refusal(text: "\(given.kind) is no kind of door")
        }
        try checkBits(given.flags, UInt32(APUS_DOOR_PUBLIC | APUS_DOOR_TRY), "the flags of a door")
        var place = DoorPlace(kind: kind, name: given.place.string, port: given.port)
        if given.mode != 0 { place.mode = given.mode & 0o777 }
        if given.owner.len > 0 { place.user = given.owner.string }
        if given.group.len > 0 { place.group = given.group.string }
        place.isPublic = given.flags & UInt32(APUS_DOOR_PUBLIC) != 0
        var limits = DoorLimits()
        if given.max_request > 0 { limits.request = Int(given.max_request) }
        if given.max_reply > 0 { limits.reply = Int(given.max_reply) }
        if given.max_peers > 0 { limits.peers = Int(given.max_peers) }
        if given.milliseconds > 0 { limits.milliseconds = UInt64(given.milliseconds) }
        do throws(DoorPlace.Refusal) {
            try modules.management.open(place, limits, ContractDoor(host, given))
            return CInt(APUS_TRUE)
        } catch {
            guard given.flags & UInt32(APUS_DOOR_TRY) != 0 else { throw Registry.Refusal(text: error.text) }
            Log.notice("\(module.name): \(error.text)")
            return CInt(APUS_FALSE)
        }
    }

    fileprivate static func peer(_ peer: UnsafePointer<apus_peer>) -> DoorPeer {
        UnsafeRawPointer(peer).assumingMemoryBound(to: ContractPeer.PeerMemory.self).pointee.object
            .takeUnretainedValue()
    }

    private static func raw(_ text: apus_str) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.s, count: text.len)
    }
}

/// A module that speaks at a door.
private final class ContractDoor: DoorHandler {
    let host: UnsafePointer<apus_host>
    private let door: apus_door

    init(_ host: UnsafePointer<apus_host>, _ door: apus_door) {
        self.host = host
        self.door = door
    }

    /// The peer as the module sees it.
    func contract(_ peer: DoorPeer, door user: UnsafeMutableRawPointer? = nil) -> UnsafeMutablePointer<apus_peer> {
        let made = peer.context as? ContractPeer ?? ContractPeer(peer, host, user ?? door.user)
        peer.context = made
        return made.pointer
    }

    func received(_ peer: DoorPeer, _ bytes: UnsafeRawBufferPointer) -> Int {
        Int(door.received(contract(peer), ContractDoor.text(bytes)))
    }

    func refused(_ peer: DoorPeer, _ reason: DoorRefusal, _ bytes: UnsafeRawBufferPointer) {
        door.refused?(contract(peer), reason.rawValue, ContractDoor.text(bytes))
    }

    func drained(_ peer: DoorPeer) { door.drained?(contract(peer)) }

    func closed(_ peer: DoorPeer) {
        door.closed?(contract(peer))
        peer.context = nil
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> apus_str {
        apus_str(s: bytes.baseAddress.map { $0.assumingMemoryBound(to: CChar.self) }, len: bytes.count)
    }
}

/// What a module sees of a peer.
private final class ContractPeer {
    struct PeerMemory {
        /// First, so that a pointer to it is one to this.
        var peer: apus_peer
        let object: Unmanaged<DoorPeer>
    }

    let memory: UnsafeMutablePointer<PeerMemory>
    private let name: UnsafeMutablePointer<UInt8>

    init(_ peer: DoorPeer, _ host: UnsafePointer<apus_host>, _ door: UnsafeMutableRawPointer?) {
        let text = Array(peer.name.utf8)
        name = .allocate(capacity: max(1, text.count))
        name.initialize(from: text, count: text.count)
        var kind = peer.door.place.kind.rawValue
        if case .reply = peer.kind { kind = UInt32(APUS_DOOR_FIFO) }
        memory = .allocate(capacity: 1)
        memory.initialize(
            to: PeerMemory(
                peer: apus_peer(
                    size: UInt32(MemoryLayout<apus_peer>.size), kind: kind, user: nil, door: door, host: host,
                    name: apus_str(Bytes(UnsafePointer(name), text.count)), since: peer.since),
                object: Unmanaged.passUnretained(peer)))
    }

    deinit {
        memory.deallocate()
        name.deallocate()
    }

    var pointer: UnsafeMutablePointer<apus_peer> {
        UnsafeMutableRawPointer(memory).assumingMemoryBound(to: apus_peer.self)
    }
}

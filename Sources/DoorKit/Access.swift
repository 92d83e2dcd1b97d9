import PluginKit

/// Whose the files of a door are.
public struct DoorAccess {
    /// 0: 0600, or 0660 when there is a group.
    public var mode: Int64 = 0
    /// Names or numbers; empty: the server's own.
    public var user = ""
    public var group = ""
    /// Not 0: addresses other than loopback are allowed.
    public var isPublic: Int64 = 0

    public init() {}
}

extension UnsafePointer<apus_host> {
    /// A parameter that is a name or a number, kept as text.
    public func nameParameter(_ name: StaticString, into place: UnsafeMutablePointer<String>, doc: StaticString) {
        parameter(name, kind: APUS_PARAM_EITHER, flags: 0, user: place, doc: doc) { _, value, user in
            let text = value.pointee.isText ? value.pointee.str.string : String(value.pointee.num)
            user!.assumingMemoryBound(to: String.self).pointee = text
            return .true
        }
    }

    /// Opens a door, in `start`.
    /// - Parameters:
    ///   - tries: the server starts all the same when it cannot be opened.
    ///   - user: `apus_peer.door` of its peers.
    public func open(
        _ address: DoorAddress, _ access: DoorAccess, tries: Bool = false, _ speech: DoorSpeech,
        user: UnsafeMutableRawPointer? = nil
    ) -> Bool {
        let flags = (access.isPublic != 0 ? APUS_DOOR_PUBLIC : 0) | (tries ? APUS_DOOR_TRY : 0)
        return address.place.withStr { place in
            access.user.withStr { owner in
                access.group.withStr { group in
                    var door = apus_door(
                        size: UInt32(MemoryLayout<apus_door>.size), kind: UInt32(address.kind), flags: UInt32(flags),
                        mode: UInt32(clamping: access.mode), place: place, owner: owner, group: group,
                        port: address.port, reserved: 0, max_request: speech.maxRequest, max_reply: 0,
                        max_peers: speech.maxPeers, milliseconds: speech.milliseconds, reserved2: 0,
                        received: speech.received, refused: speech.refused, drained: speech.drained,
                        closed: speech.closed, user: user)
                    return pointee.door.pointee.open(self, &door) > 0
                }
            }
        }
    }
}

/// What a module says at a door, and its limits: see `apus_door`.
public struct DoorSpeech {
    public typealias Peer = UnsafeMutablePointer<apus_peer>

    let maxRequest: UInt32
    let maxPeers: UInt32
    let milliseconds: UInt32
    let received: @convention(c) (Peer, apus_str) -> Int64
    let refused: @convention(c) (Peer, UInt32, apus_str) -> Void
    let drained: (@convention(c) (Peer) -> Void)?
    let closed: @convention(c) (Peer) -> Void

    public init(
        maxRequest: Int64, maxPeers: Int64, milliseconds: Int64,
        received: @escaping @convention(c) (Peer, apus_str) -> Int64,
        refused: @escaping @convention(c) (Peer, UInt32, apus_str) -> Void,
        drained: (@convention(c) (Peer) -> Void)? = nil, closed: @escaping @convention(c) (Peer) -> Void
    ) {
        self.maxRequest = UInt32(clamping: maxRequest)
        self.maxPeers = UInt32(clamping: maxPeers)
        self.milliseconds = UInt32(clamping: milliseconds)
        (self.received, self.refused, self.drained, self.closed) = (received, refused, drained, closed)
    }
}

extension String {
    /// The text, for the call.
    public func withStr<R>(_ body: (apus_str) -> R) -> R {
        var copy = self
        return copy.withUTF8 { body(apus_str(start: $0.baseAddress, count: $0.count)) }
    }
}

extension [UInt8] {
    /// The bytes, for the call.
    public func withStr<R>(_ body: (apus_str) -> R) -> R {
        withUnsafeBufferPointer { body(apus_str(start: $0.baseAddress, count: $0.count)) }
    }
}

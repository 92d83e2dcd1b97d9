import DoorKit
import PluginKit

/// `ctl.listen`: the addresses, one text each.
func listListeners(_ call: Command) -> CInt {
    call.eachDoor { peer, _, text, call in
        if peer == nil { call.pointee.host.pointee.rpc.pointee.add_text(call.pointee.answer, nil, text) }
    }
}

/// `ctl.who`: a map for each connection.
func listPeers(_ call: Command) -> CInt {
    call.eachDoor { peer, _, text, call in
        guard let peer else { return }
        let rpc = call.pointee.host.pointee.rpc.pointee
        let answer = call.pointee.answer
        let age = call.pointee.host.pointee.timer.pointee.now(call.pointee.host) - peer.pointee.since
        rpc.open_map(answer, nil)
        rpc.add_text(answer, "peer", text)
        rpc.add_int(answer, "seconds", Int64(age / 1000))
        rpc.close(answer)
    }
}

/// `ctl.connections`: their number.
func countPeers(_ call: Command) -> CInt {
    var count: Int64 = 0
    call.pointee.host.pointee.door.pointee.each(
        call.pointee.host,
        { peer, kind, _, user in
            let isConnection = Int(kind) == APUS_DOOR_TCP || Int(kind) == APUS_DOOR_UNIX_STREAM
            if peer != nil, isConnection { user!.assumingMemoryBound(to: Int64.self).pointee += 1 }
        }, &count)
    call.pointee.host.pointee.rpc.pointee.add_int(call.pointee.answer, nil, count)
    return .true
}

extension Command {
    /// Shows the module's doors and peers with the command's call.
    fileprivate func eachDoor(
        _ show: @escaping (UnsafePointer<apus_peer>?, UInt32, apus_str, Command) -> Void
    ) -> CInt {
        let user = UnsafeMutablePointer<Shown>.allocate(capacity: 1)
        defer { user.deallocate() }
        user.initialize(to: Shown(call: self, show: show))
        pointee.host.pointee.door.pointee.each(
            pointee.host,
            { peer, kind, text, user in
                let shown = user!.assumingMemoryBound(to: Shown.self).pointee
                shown.show(peer, kind, text, shown.call)
            }, user)
        return .true
    }
}

private struct Shown {
    let call: Command
    let show: (UnsafePointer<apus_peer>?, UInt32, apus_str, Command) -> Void
}

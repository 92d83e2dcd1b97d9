import PluginKit
import RoutingKit

// Invariants: run on the management thread; the sets in force stay while a command runs. A proxy's condition is changed by one atomic store.

/// What an operator can do with proxies; the modules give it names.
public enum MediaCommands {
    /// `rtpengine.enable url|all 0|1`: how many proxies that was, after each was told of in the answer.
    public static let enableNew: @convention(c) (Command) -> CInt = { command in
        enable(command, fault: "Instance not found") { member, set, index, isOn in
            describe(command, member, set, index)
            command.add("status", isOn ? "enable" : "disable")
        }
    }

    /// `rtpproxy.enable url|all 0|1`
    public static let enableOld: @convention(c) (Command) -> CInt = { command in
        enable(command, fault: "RTP proxy not found", nil)
    }

    /// `rtpengine.show [url|all]`
    public static let show: @convention(c) (Command) -> CInt = { command in
        var isThere = false
        command.array {
            eachMember(command.has(0) ? command.text(0) : "all") { member, set, index in
                isThere = true
                command.map { describe(command, member, set, index) }
            }
        }
        let asksForOne = command.has(0) && !command.text(0).equals("all")
        return isThere || !asksForOne ? .true : command.fail(404, "Instance not found")
    }

    /// `rtpproxy.list`
    public static let list: @convention(c) (Command) -> CInt = { command in
        command.array {
            eachMember("all") { member, set, index in
                command.map {
                    command.add("setid", set)
                    command.add("url", member.peer.pointee.url)
                    command.add("index", index)
                    command.add("disabled", member.peer.isEnabled ? 0 : 1)
                    command.add("weight", Int64(member.weight))
                    command.add("recheck", member.peer.recheckSeconds(command.host))
                }
            }
        }
        return .true
    }

    /// `rtpengine.reload`
    public static let reload: @convention(c) (Command) -> CInt = { command in
        guard state.pointee.table != nil else { return command.fail(500, "there is no table: db_url is not set") }
        return state.pointee.renewed.renew(command, notWithin: 0, done: { $0.add(nil, "ok") })
    }

    /// `rtpengine.get_hash_total`
    public static let total: @convention(c) (Command) -> CInt = { command in
        command.add(nil, state.pointee.shared.pointee.calls.load(ordering: .relaxed))
        return .true
    }

    /// MI's `nh_enable_rtpp url number`
    public static let enableForm: @convention(c) (Command) -> CInt = { command in
        guard command.pointee.count >= 2, !command.text(0).isEmpty else {
            return command.fail(400, "missing parameters")
        }
        guard let number = command.text(1).number else { return command.fail(400, "bad parameter") }
        guard turn(command.text(0), on: number != 0, command.host) > 0 else {
            return command.fail(404, "RTP proxy not found")
        }
        return .true
    }

    /// MI's `nh_show_rtpp`
    public static let showForm: @convention(c) (Command) -> CInt = { command in
        command.add(text: "200 OK")
        eachMember("all") { member, set, index in
            command.add(text: "\(member.peer.pointee.url.string):: set=\(set)")
            command.add(text: "\tindex:: \(index)")
            command.add(text: "\tdisabled:: \(member.peer.isEnabled ? 0 : 1)")
            command.add(text: "\tweight:: \(member.weight)")
            command.add(text: "\trecheck_ticks:: \(member.peer.recheckSeconds(command.host))")
        }
        return .true
    }
}

/// All proxies of all sets, or those of one URL.
private func eachMember(_ url: apus_str, _ body: (Member, _ set: Int64, _ index: Int64) -> Void) {
    guard let sets = state.sets else { return }
    for number in 0..<sets.pointee.count {
        let set = sets.pointee.sets[number]
        for index in 0..<set.count {
            let member = set.members[index]
            guard url.equals("all") || member.peer.pointee.url.equals(url) else { continue }
            body(member, set.id, Int64(index))
        }
    }
}

/// `rtpengine.show`'s row.
private func describe(_ command: Command, _ member: Member, _ set: Int64, _ index: Int64) {
    command.add("url", member.peer.pointee.url)
    command.add("set", set)
    command.add("index", index)
    command.add("weight", Int64(member.weight))
    if member.peer.isDisabledByHand {
        command.add("disabled", "1(permanent)")
        command.add("recheck_ticks", "N/A")
    } else {
        command.add("disabled", member.peer.isEnabled ? 0 : 1)
        command.add("recheck_ticks", member.peer.recheckSeconds(command.host))
    }
}

private func enable(
    _ command: Command, fault: apus_str, _ row: ((Member, Int64, Int64, _ isOn: Bool) -> Void)?
) -> CInt {
    let isOn = command.number(1) != 0
    guard turn(command.text(0), on: isOn, command.host) > 0 else { return command.fail(404, fault) }
    guard let row else {
        command.add(nil, "ok")
        return .true
    }
    command.array {
        eachMember(command.text(0)) { member, set, index in
            command.map { row(member, set, index, isOn) }
        }
    }
    return .true
}

/// In all sets that have it; how many places that is.
private func turn(_ url: apus_str, on isOn: Bool, _ host: Host) -> Int {
    var count = 0
    eachMember(url) { member, _, _ in
        count += 1
        member.peer.turn(on: isOn, host)
    }
    return count
}

extension UnsafeMutablePointer<Peer> {
    /// An operator's word: no ping changes it.
    fileprivate func turn(on isOn: Bool, _ host: Host) {
        let wanted = isOn ? Peer.Condition.enabled : Peer.Condition.disabled
        let before = pointee.condition.exchange(wanted, ordering: .acquiringAndReleasing)
        if before != wanted {
            host.log(.notice, "the proxy \(pointee.url.string) is \(isOn ? "enabled" : "disabled") by a command")
        }
    }

    /// Until it is asked again whether it is there; 0 while it is, or when nobody will ask.
    fileprivate func recheckSeconds(_ host: Host) -> Int64 {
        guard pointee.condition.load(ordering: .relaxed) == Peer.Condition.dead else { return 0 }
        let at = pointee.recheckAt.load(ordering: .relaxed)
        return at > host.now ? Int64((at - host.now + 999) / 1000) : 0
    }
}

import PluginKit
import RoutingKit
import TableKit

// Invariants: as State. Sets are read on the main thread in `start`, and on an offload thread, one at a time, from then on.

/// What both modules do at the points of their lives.
public enum MediaModule {
    /// [declare] Parameters, statistics and variables; functions and commands have names of each module's own.
    public static func declare(_ host: Host, _ dialect: Dialect) {
        makeState(host, dialect)
        state.pointee.workerSlot = host.slot(APUS_SLOT_WORKER)
        state.pointee.setSlot = host.slot(APUS_SLOT_MESSAGE)
        state.pointee.totalsSlot = host.slot(APUS_SLOT_MESSAGE)
        state.pointee.counters = Counters(
            host, group: dialect == .letters ? "rtpproxy-ng" : "rtpengine")
        declareParameters(host, dialect)
    }

    /// [start] False: what is in the log.
    public static func start(_ host: Host) -> CInt {
        state.pointee.tm = host.pointee.find(host, TM_API, UInt32(MemoryLayout<tm_api>.size))?
            .assumingMemoryBound(to: tm_api.self)
        guard compile(host), SocketTable.open(host), state.pointee.renewed.begin(host) else {
            return .false
        }
        let timer = host.pointee.timer
        let looking = timer.pointee.every(
            host, 100, UInt32(APUS_TIMER_ONE_WORKER), { $0.pointee.host.media?.look() }, nil)
        let forgetting = timer.pointee.every(
            host, 1000, UInt32(APUS_TIMER_EACH_WORKER),
            { tick in tick.pointee.host.media?.pointee.calls.expire(now: tick.pointee.now) }, nil)
        return looking > 0 && forgetting > 0 ? .true : .false
    }

    /// [worker]
    public static func worker(_ host: Host, _ index: UInt32) -> CInt {
        let own = permanent(WorkerState(host, index: index))
        host.pointee.slots.pointee.set_worker(host, state.pointee.workerSlot, own)
        return index > 0 || state.pointee.digits.watch(host) ? .true : .false
    }

    private static func compile(_ host: Host) -> Bool {
        let settings = state.pointee.settings
        let variables: [(apus_str, WritableKeyPath<State, OpaquePointer?>)] = [
            (settings.extraID, \.extraID), (settings.setVariable, \.setVariable),
            (settings.readVariable, \.readVariable), (settings.writeVariable, \.writeVariable),
            (settings.instanceVariable, \.instanceVariable),
            (settings.durationVariable, \.durationVariable),
            (settings.digitCallID, \.digits.callID), (settings.digitSourceTag, \.digits.sourceTag),
            (settings.digitTimestamp, \.digits.timestamp), (settings.digitEvent, \.digits.event),
        ]
        for (text, place) in variables where !text.isEmpty {
            state.pointee[keyPath: place] = host.pointee.vars.pointee.compile(host, text)
            guard state.pointee[keyPath: place] != nil else { return false }
        }
        guard state.pointee.marks.compile(host), state.pointee.digits.open(host, settings.digitSocket)
        else {
            return false
        }
        guard !settings.sendInterface.isEmpty else { return true }
        var address = apus_address()
        guard host.pointee.net.pointee.parse_address(settings.sendInterface, &address) > 0 else {
            host.log(
                .error, "force_send_interface is an IP address, not `\(settings.sendInterface.string)`")
            return false
        }
        state.pointee.sendFrom = address
        return true
    }
}

/// A proxy, as the config or a table names it.
struct PeerDraft {
    let set: Int64
    let url: String
    let weight: UInt32
    let isDisabled: Bool
}

extension PeerSets: Renewable {
    /// [start] [offload] As the table has them, or the config, which does not change.
    static func read(_ host: Host) throws(ReadFault) -> PeerSets {
        var drafts: [PeerDraft] = []
        if let table = state.pointee.table {
            drafts = try table.read(host)
        } else {
            for text in state.pointee.sockets {
                do throws(SocketList.Fault) {
                    let list = try SocketList(text, defaultSet: state.pointee.settings.defaultSet)
                    drafts += list.entries.map {
                        PeerDraft(set: list.set, url: $0.url, weight: $0.weight, isDisabled: false)
                    }
                } catch {
                    throw ReadFault(error.text)
                }
            }
        }
        if drafts.isEmpty {
            host.log(.notice, "no media proxy is named: functions that need one are false")
        }
        return PeerSets(try drafts.map { draft throws(ReadFault) in try entry(draft, host) })
    }

    private static func entry(
        _ draft: PeerDraft, _ host: Host
    ) throws(ReadFault) -> (set: Int64, peer: PeerRef, weight: UInt32) {
        let address: ControlAddress
        do throws(SocketList.Fault) { address = try ControlAddress(url: draft.url) } catch {
            throw ReadFault(error.text)
        }
        guard let (peer, isNew) = state.pointee.shared.pointee.peers.find(draft.url, address) else {
            throw ReadFault("there are more than \(PeerList.capacity) proxies")
        }
        if isNew {
            if draft.isDisabled {
                peer.pointee.condition.store(Peer.Condition.disabled, ordering: .releasing)
            }
            resolve(peer, host)
        }
        return (draft.set, peer, draft.weight)
    }
}

/// Finds the address at once when that needs nobody; names are asked for in `start` only, and by worker 0 later.
private func resolve(_ peer: PeerRef, _ host: Host) {
    guard case .udp(let name, let port, let isIPv6) = peer.pointee.address else {
        if case .unix(let path) = peer.pointee.address { peer.put(path: path) }
        return
    }
    var text = name
    var address = apus_address()
    if text.withUTF8({
        host.pointee.net.pointee.parse_address(
            apus_str(start: $0.baseAddress, count: $0.count), &address)
    }) > 0 {
        return peer.put(address, port: port)
    }
    // Of one proxy there is one address.
    var hops = [apus_hop](repeating: apus_hop(), count: Int(APUS_MAX_HOPS))
    var uri = "sip:\(name):\(port);transport=udp"
    hops.withUnsafeMutableBufferPointer { hops in
        guard let first = hops.baseAddress else { return }
        uri.withUTF8 { uri in
            var asked = apus_name(
                size: UInt32(MemoryLayout<apus_name>.size), transport: UInt32(APUS_UDP),
                uri: apus_str(start: uri.baseAddress, count: uri.count), hops: first,
                capacity: UInt32(hops.count),
                count: 0, status: 0, ttl: 0)
            guard host.pointee.resolver.pointee.wait(host, &asked, 1, 5000) > 0 else { return }
            for hop in hops.prefix(Int(asked.count)) where hop.address.family == (isIPv6 ? 6 : 4) {
                return peer.put(hop.address, port: port)
            }
        }
    }
    if !peer.pointee.isResolved.load(ordering: .relaxed) {
        host.log(.warning, "the proxy \(peer.pointee.url.string): its name has no address yet")
    }
}

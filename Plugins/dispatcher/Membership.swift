import Destinations
import PluginKit

/// Functions that ask about sets and destinations.
func declareTests(_ host: Host) {
    host.function(
        "ds_is_from_list", flags: APUS_MAY_SUSPEND, doc: "Whether the request comes from a destination of any set.",
        call: isFromList)
    host.function(
        "ds_is_from_list", "set:int", flags: APUS_MAY_SUSPEND, doc: "The same of one set; -1: any.", call: isFromList)
    host.function(
        "ds_is_from_list", "set:int, mode:int", flags: APUS_MAY_SUSPEND,
        doc:
            "The same; mode, a sum: 1 any port, 2 any transport, 4 active ones only, 8 the same socket, 16 the best match.",
        call: isFromList)
    host.function(
        "ds_is_from_list", "set:int, mode:int, uri:format", flags: APUS_MAY_SUSPEND,
        doc: "The same of a URI instead of the request's source.", call: isFromList)
    for name: StaticString in ["ds_list_exists", "ds_list_exist"] {
        host.function(name, "set:value", doc: "1: there is that set; -1: there is none; -2: that is no number.") {
            let wanted = $0.argument(0)
            guard let id = wanted.value & UInt32(APUS_INT) != 0 ? wanted.num : wanted.str.trimmed.number else {
                return -2
            }
            return state.snapshot?.find(id) == nil ? -1 : 1
        }
    }
    host.function(
        "ds_is_active", "set:int, uri:format?", doc: "Whether a destination of the set, or that one, can be selected."
    ) { call in
        guard let set = state.snapshot?.find(call.int(0)) else { return .false }
        let uri = call.has(1) ? call.text(1) : apus_str()
        for index in 0..<set.pointee.count where uri.isEmpty || set[index].pointee.uri.equals(uri) {
            if set.isUsable(index) { return .true }
        }
        return .false
    }
}

/// `ds_is_from_list([set [, mode [, uri]]])`
private let isFromList: @convention(c) (Call) -> CInt = { call in
    call.needsNames ? call.afterNames { call, _, _ in call.isFromList } : call.isFromList
}

/// What counts when an address is compared.
struct Match: OptionSet {
    let rawValue: Int64
    static var anyPort: Match { Match(rawValue: 1) }
    static var anyTransport: Match { Match(rawValue: 2) }
    static var activeOnly: Match { Match(rawValue: 4) }
    static var sameSocket: Match { Match(rawValue: 8) }
    static var best: Match { Match(rawValue: 16) }
    /// Without a mode.
    static var sourceMode: Match { .anyTransport }
}

/// An address that is looked for.
private struct Wanted {
    var address = apus_address()
    /// A name, in its place.
    var name = apus_str()
    var port: UInt16 = 0
    /// 0: any.
    var transport: UInt32 = 0
    var listener: OpaquePointer?
}

extension Call {
    fileprivate var isFromList: CInt {
        isFrom(
            has(0) ? int(0) : -1, has(1) ? Match(rawValue: int(1)) : .sourceMode, has(2) ? text(2) : nil)
    }

    private func isFrom(_ id: Int64, _ mode: Match, _ uri: apus_str?) -> CInt {
        guard let snapshot = state.snapshot, let wanted = wanted(uri) else { return .false }
        var best: (set: SetRef, index: Int, score: Int)?
        let sets =
            id == -1
            ? 0..<snapshot.pointee.setCount
            : snapshot.find(id).map { $0 - snapshot.pointee.sets }.map { $0..<$0 + 1 } ?? 0..<0
        search: for number in sets {
            let set = snapshot.pointee.sets + number
            for index in 0..<set.pointee.count {
                guard let score = set[index].match(wanted, mode, set.isUsable(index)) else { continue }
                if best == nil || score > best.unsafelyUnwrapped.score { best = (set, index, score) }
                if !mode.contains(.best) { break search }
            }
        }
        guard let best else { return .false }
        set(state.pointee.setVariable, apus_value(Int64(best.set.pointee.id)))
        let attributes = best.set[best.index].pointee.attributes
        if !attributes.isEmpty { set(state.pointee.attributesVariable, apus_value(attributes)) }
        return .true
    }

    private func set(_ variable: OpaquePointer?, _ value: apus_value) {
        guard let variable else { return }
        var value = value
        _ = host.pointee.vars.pointee.set(self, variable, &value)
    }

    private func wanted(_ uri: apus_str?) -> Wanted? {
        var wanted = Wanted()
        wanted.listener = message.api.pointee.received_on(message.handle)
        guard let uri, !uri.isEmpty else {
            var source = apus_destination()
            source.size = UInt32(MemoryLayout<apus_destination>.size)
            message.api.pointee.source(message.handle, &source)
            wanted.address = source.remote
            wanted.port = source.remote.port
            wanted.transport = source.transport
            return wanted.address.family == 0 ? nil : wanted
        }
        guard let parsed = message.parse(uri: uri), parsed.scheme == 1 || parsed.scheme == 2 else {
            log(.error, "ds_is_from_list: that is no SIP URI")
            return nil
        }
        wanted.name = parsed.host
        if host.pointee.net.pointee.parse_address(parsed.host, &wanted.address) <= 0 { wanted.address.family = 0 }
        wanted.port = parsed.port_number > 0 ? UInt16(clamping: parsed.port_number) : parsed.scheme == 2 ? 5061 : 5060
        wanted.transport = parsed.transport.isEmpty ? 0 : host.pointee.net.pointee.transport(parsed.transport)
        return wanted
    }
}

extension UnsafeMutablePointer<Destination> {
    /// How much of it matches; nil: it does not.
    fileprivate func match(_ wanted: Wanted, _ mode: Match, _ isUsable: Bool) -> Int? {
        if mode.contains(.activeOnly), !isUsable { return nil }
        if mode.contains(.sameSocket), pointee.listener != wanted.listener { return nil }
        // A destination that names none takes any, and so does a URI.
        let hasTransport = pointee.transport == 0 || wanted.transport == 0 || pointee.transport == wanted.transport
        if !mode.contains(.anyTransport), !hasTransport { return nil }
        guard let hasPort = matchAddress(wanted, mode) else { return nil }
        return (hasPort ? 4 : 0) + (hasTransport ? 2 : 0)
            + (pointee.listener != nil && pointee.listener == wanted.listener ? 1 : 0)
    }

    /// Whether the port is the same as well; nil: the address is another one, or the port counts and is.
    private func matchAddress(_ wanted: Wanted, _ mode: Match) -> Bool? {
        func check(_ port: UInt16) -> Bool? {
            if port == wanted.port { return true }
            return mode.contains(.anyPort) ? false : nil
        }
        if wanted.address.family == 0 {
            return pointee.host.equalsIgnoringCase(wanted.name) ? check(pointee.port) : nil
        }
        if pointee.address.family != 0 {
            return pointee.address.isSame(as: wanted.address) ? check(pointee.port) : nil
        }
        guard let list = AddressList.of(pointee.cell) else { return nil }
        let count = state.pointee.settings.dnsMatchAll != 0 ? list.pointee.count : min(1, list.pointee.count)
        var answer: Bool?
        for index in 0..<count where list[address: index].isSame(as: wanted.address) {
            if let checked = check(list[address: index].port) { answer = answer ?? checked || checked }
        }
        return answer
    }
}

extension apus_address {
    /// Whatever their ports are.
    fileprivate func isSame(as other: apus_address) -> Bool {
        guard family == other.family else { return false }
        var (mine, theirs) = (ip, other.ip)
        return withUnsafeBytes(of: &mine) { mine in withUnsafeBytes(of: &theirs) { mine.elementsEqual($0) } }
    }
}

import Destinations
import PluginKit
import RoutingKit

// Invariants: picks point into the snapshot in force, for one call. What outlives the call are values in AVPs and XAVPs, which the transaction keeps.

private let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_EVENT_ROUTE | APUS_LOCAL_ROUTE | APUS_BRANCH_ROUTE

/// Functions that go on with what was selected.
func declareFailover(_ host: Host) {
    host.function(
        "ds_next_dst", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the next destination of the selection the next hop; false when there is none."
    ) { $0.goOn(.destination) }
    host.function(
        "ds_next_domain", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the next destination of the selection host and port of the Request-URI."
    ) { $0.goOn(.domain) }
    host.function(
        "ds_set_dst", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the destination in use the next hop, again or after ds_select."
    ) { $0.applyCurrent(.destination) }
    host.function(
        "ds_set_domain", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the destination in use host and port of the Request-URI, again or after ds_select."
    ) { $0.applyCurrent(.domain) }
}

/// A destination as AVPs or XAVPs name it.
struct Kept {
    var set: Int64 = -1
    var uri = apus_str()
    var duid = apus_str()
    /// Text of a socket; empty: none.
    var socket = apus_str()
}

extension Call {
    // MARK: - Using a destination

    /// The next hop.
    func sendTo(_ uri: apus_str, _ destination: UnsafeMutablePointer<Destination>?) -> CInt {
        guard message.api.pointee.set_destination(message.handle, uri) > 0 else {
            return fail("the destination is no URI, or memory is out")
        }
        leave(by: destination?.pointee.listener)
        return .true
    }

    /// Host and port of the Request-URI.
    func rewrite(_ uri: apus_str, _ destination: UnsafeMutablePointer<Destination>?) -> CInt {
        guard let made = rewritten(uri), message.api.pointee.set_request_uri(message.handle, made) > 0 else {
            return fail("the Request-URI cannot be given another domain")
        }
        leave(by: destination?.pointee.listener)
        return .true
    }

    private func leave(by listener: OpaquePointer?) {
        if let listener = listener ?? state.pointee.defaultListener {
            message.api.pointee.send_through(message.handle, listener)
        }
    }

    /// The Request-URI with everything behind the user from a destination's URI; nil when one is none.
    func rewritten(_ uri: apus_str) -> apus_str? {
        let own = message.field(APUS_FIELD_REQUEST_URI)
        guard let old = message.parse(uri: own), old.scheme == 1 || old.scheme == 2,
            let new = message.parse(uri: uri), let start = uri.s, let place = new.host.s
        else { return nil }
        // Up to the headers, which a Request-URI does not have (RFC 3261 section 19.1.1).
        var end = uri.len
        if !new.headers.isEmpty, let headers = new.headers.s { end = headers - start - 1 }
        let tail = uri[(place - start)..<max(place - start, end)]
        let head = old.host.s.flatMap { host in own.s.map { own[0..<(host - $0)] } } ?? "sip:"
        guard var text = writer(head.len + tail.len) else { return nil }
        text.add(head)
        text.add(tail)
        return text.text
    }

    // MARK: - Keeping a selection

    /// For ds_next_dst, ds_mark_dst and the script.
    func keep(_ picks: UnsafeMutablePointer<Pick>, _ count: Int) {
        let settings = state.pointee.settings
        let values = xavps()
        values.removeAll(settings.destinationXAVP)
        values.removeAll(settings.contextXAVP)
        let isCall = keepsCall
        var kept = 0
        var last: XAVP?
        while kept < count, let value = keep(picks[kept], isCall, values, settings) {
            // New values come in front of others.
            if let last { values.move(value, behind: last) }
            last = value
            kept += 1
        }
        if settings.contextXAVPMode & 1 == 0, let context = values.add(settings.contextXAVP),
            let fields = values.fields(of: context)
        {
            _ = fields.add("cnt", apus_value(Int64(kept)))
        }
        keepInAVPs(picks, max(1, kept))
    }

    /// - Parameter isCall: the call is counted on one of them.
    /// - Returns: nil when memory is out.
    private func keep(_ pick: Pick, _ isCall: Bool, _ values: XAVPs, _ settings: Settings) -> XAVP? {
        let one = pick.destination
        guard let value = values.add(settings.destinationXAVP), let fields = values.fields(of: value) else {
            return nil
        }
        if settings.destinationXAVPMode & 1 == 0, !one.pointee.attributes.isEmpty {
            _ = fields.add("attrs", apus_value(one.pointee.attributes))
        }
        if isCall, !one.pointee.duid.isEmpty {
            _ = fields.add("dstid", apus_value(one.pointee.duid))
        }
        if settings.destinationXAVPMode & 4 != 0, !one.pointee.socketName.isEmpty {
            _ = fields.add("sockname", apus_value(one.pointee.socketName))
        }
        if settings.destinationXAVPMode & 2 != 0, !one.pointee.socket.isEmpty {
            _ = fields.add("socket", apus_value(one.pointee.socket))
        }
        if let listener = one.pointee.listener, let facts = host.facts(of: listener) {
            _ = fields.add("sock", apus_value(facts.text))
        }
        guard fields.add("uri", apus_value(one.pointee.uri)) != nil,
            fields.add("grp", apus_value(Int64(pick.set.pointee.id))) != nil
        else {
            values.remove(value)
            return nil
        }
        return value
    }

    private func keepInAVPs(_ picks: UnsafeMutablePointer<Pick>, _ count: Int) {
        if let uris = state.pointee.destinationAVP {
            uris.clear(self)
            for index in stride(from: count - 1, through: 0, by: -1) {
                uris.push(self, apus_value(picks[index].destination.pointee.uri))
            }
        }
        if let groups = state.pointee.groupAVP {
            groups.clear(self)
            groups.push(self, apus_value(Int64(picks[0].set.pointee.id)))
        }
        if let counts = state.pointee.countAVP {
            counts.clear(self)
            counts.push(self, apus_value(Int64(count)))
        }
        if let ids = state.pointee.callAVP {
            ids.clear(self)
            for index in stride(from: count - 1, through: 0, by: -1) {
                let id = picks[index].destination.pointee.duid
                if !id.isEmpty { ids.push(self, apus_value(id)) }
            }
        }
        if let attributes = state.pointee.attributesAVP {
            attributes.clear(self)
            for index in stride(from: count - 1, through: 0, by: -1) {
                let text = picks[index].destination.pointee.attributes
                if !text.isEmpty { attributes.push(self, apus_value(text)) }
            }
        }
    }

    // MARK: - Reading it

    /// The destination in use; nil when none was selected, or all were tried.
    var current: Kept? {
        var kept = Kept()
        if let value = xavps().find(state.pointee.settings.destinationXAVP), let fields = xavps().fields(of: value) {
            kept.set = fields.value("grp")?.num ?? -1
            kept.uri = fields.value("uri")?.str ?? apus_str()
            kept.duid = fields.value("dstid")?.str ?? apus_str()
            kept.socket = fields.value("sock")?.str ?? apus_str()
        }
        // What the script has done to the older form counts first.
        if let uris = state.pointee.destinationAVP {
            guard let uri = uris.value(self)?.str, !uri.isEmpty else { return nil }
            if !kept.uri.equals(uri) { kept = Kept(set: kept.set, uri: uri) }
            if let group = state.pointee.groupAVP?.value(self) {
                kept.set = group.isInt ? group.num : group.str.number ?? -1
            }
        }
        return kept.uri.isEmpty ? nil : kept
    }

    /// The one in use was tried.
    private func dropCurrent() {
        let values = xavps()
        let first = values.find(state.pointee.settings.destinationXAVP)
        guard let uris = state.pointee.destinationAVP else {
            if let first { values.remove(first) }
            return
        }
        // Both lists go on together as long as they name the same.
        let old = uris.value(self)
        if let first, let uri = values.fields(of: first)?.value("uri")?.str, old.map({ $0.str.equals(uri) }) ?? true {
            values.remove(first)
            if let value = state.pointee.attributesAVP?.value(self), case let attributes = value.str,
                let kept = values.fields(of: first)?.value("attrs")?.str, kept.equals(attributes)
            {
                state.pointee.attributesAVP?.pop(self)
            }
        }
        uris.pop(self)
        state.pointee.callAVP?.pop(self)
    }

    /// In the sets in force; nil when it is no more.
    func find(_ kept: Kept) -> UnsafeMutablePointer<Destination>? {
        guard let set = state.snapshot?.find(kept.set) else { return nil }
        var index = set.index(of: kept.uri)
        while let found = index {
            if kept.duid.isEmpty || set[found].pointee.duid.equals(kept.duid) { return set[found] }
            index = set.index(of: kept.uri, from: found + 1)
        }
        return set.index(of: kept.uri).map { set[$0] }
    }

    // MARK: - Functions

    /// `ds_next_dst()`, `ds_next_domain()`
    fileprivate func goOn(_ use: Use) -> CInt {
        guard state.pointee.settings.keepsOthers else {
            return fail("failover is off: the parameter flags has no bit 2")
        }
        guard let before = current else { return .false }
        dropCurrent()
        while let next = current {
            let destination = find(next)
            if moveCall(to: destination) {
                // The socket of the destination before was its own.
                if !before.socket.isEmpty { message.api.pointee.send_through(message.handle, nil) }
                return apply(next, destination, use)
            }
            // It has as many calls as it can take.
            dropCurrent()
        }
        return .false
    }

    /// `ds_set_dst()`, `ds_set_domain()`
    fileprivate func applyCurrent(_ use: Use) -> CInt {
        guard let current else { return .false }
        return apply(current, find(current), use)
    }

    private func apply(_ kept: Kept, _ destination: UnsafeMutablePointer<Destination>?, _ use: Use) -> CInt {
        let answer = use == .domain ? rewrite(kept.uri, destination) : sendTo(kept.uri, destination)
        if answer > 0, destination == nil, !kept.socket.isEmpty, let listener = host.listener(kept.socket) {
            message.api.pointee.send_through(message.handle, listener)
        }
        return answer
    }
}

extension UnsafePointer<apus_host> {
    func facts(of listener: OpaquePointer) -> apus_listener_info? {
        apus_listener_info.filled { pointee.net.pointee.info(listener, $0) }
    }
}

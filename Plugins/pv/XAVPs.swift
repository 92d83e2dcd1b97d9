import PluginKit
import RoutingKit

/// Functions that change `$xavp` and `$xavi` value by value.
func declareXAVPs(_ host: Host) {
    host.function(
        "xavp_copy", "source:format, index:int, destination:format",
        doc: "Copies a value under another name, behind those that it has.", call: copyXAVP)
    for name: StaticString in ["xavp_copy", "xavp_copy_dst"] {
        host.function(
            name, "source:format, index:int, destination:format, place:int",
            doc: "Copies a value in the place of another.", call: replaceXAVP)
    }
    host.function("xavp_lshift", "name:format, count:int", doc: "Rotates the values of a name.", call: rotate)
    host.function(
        "xavp_push_dst", "name:format", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE,
        flags: APUS_SETS_DESTINATION,
        doc: "Sets Request-URI, next hop and socket from the fields uri, dsturi and socket.", call: pushDestination)
    declareChanges(host)
}

private func declareChanges(_ host: Host) {
    host.function("xavp_rm", "name:format", doc: "Removes the first value of a name.") { remove($0, APUS_XAVP) }
    host.function("xavi_rm", "name:format", doc: "Removes the first value of a name.") { remove($0, APUS_XAVI) }
    host.function("xavp_rm_all", "name:format", doc: "Removes the values of a name.") { removeAll($0, APUS_XAVP) }
    host.function("xavi_rm_all", "name:format", doc: "Removes the values of a name.") { removeAll($0, APUS_XAVI) }
    host.function("xavp_child_rm", "name:format, field:format", doc: "Removes the first field of a name.") {
        removeField($0, APUS_XAVP)
    }
    host.function("xavi_child_rm", "name:format, field:format", doc: "Removes the first field of a name.") {
        removeField($0, APUS_XAVI)
    }
    host.function("xavp_child_seti", "name:format, field:format, value:int", doc: "Sets a field to a number.") {
        setField($0, APUS_XAVP, apus_value($0.int(2)))
    }
    host.function("xavi_child_seti", "name:format, field:format, value:int", doc: "Sets a field to a number.") {
        setField($0, APUS_XAVI, apus_value($0.int(2)))
    }
    host.function("xavp_child_sets", "name:format, field:format, value:format", doc: "Sets a field to a text.") {
        setField($0, APUS_XAVP, apus_value($0.text(2)))
    }
    host.function("xavi_child_sets", "name:format, field:format, value:format", doc: "Sets a field to a text.") {
        setField($0, APUS_XAVI, apus_value($0.text(2)))
    }
}

// MARK: - Copies

/// `xavp_copy(source, index, destination)`
private func copyXAVP(_ call: Call) -> CInt {
    let values = call.xavps()
    let name = call.text(2)
    guard let source = values.find(call.text(0), call.int(1)) else { return call.fail("xavp_copy: no such source") }
    let last = values.find(name, -1)
    guard let copy = values.add(name), values.fill(copy, from: source) else { return .false }
    if let last { values.move(copy, behind: last) }
    return .true
}

/// `xavp_copy_dst(source, index, destination, place)`
private func replaceXAVP(_ call: Call) -> CInt {
    let values = call.xavps()
    guard let source = values.find(call.text(0), call.int(1)) else { return call.fail("xavp_copy: no such source") }
    guard let target = values.find(call.text(2), call.int(3)) else {
        return call.fail("xavp_copy: no such destination")
    }
    return source == target || values.fill(target, from: source) ? .true : .false
}

extension XAVPs {
    /// Gives a value what another one has; false when memory is out.
    fileprivate func fill(_ target: XAVP, from source: XAVP) -> Bool {
        guard let fields = fields(of: source) else { return set(target, facts(source).value) }
        guard set(target), let copies = self.fields(of: target) else { return false }
        var last: XAVP?
        var next = fields.first
        while let field = next {
            let facts = fields.facts(field)
            guard let copy = copies.add(facts.name, facts.value) else { return false }
            copies.move(copy, behind: last)
            last = copy
            next = fields.next(field)
        }
        return true
    }
}

// MARK: - Order

/// `xavp_lshift(name, count)`: 1; -2 when there is no such value.
private func rotate(_ call: Call) -> CInt {
    let values = call.xavps()
    let name = call.text(0)
    var count: Int64 = 0
    while values.find(name, count) != nil { count += 1 }
    guard count > 0 else { return -2 }
    let turns = (call.int(1) % count + count) % count
    for _ in 0..<turns {
        guard let first = values.find(name), let last = values.find(name, -1) else { return .false }
        values.move(first, behind: last)
    }
    return .true
}

// MARK: - Removing and setting

private func remove(_ call: Call, _ kind: Int) -> CInt {
    let values = call.xavps(kind)
    if let value = values.find(call.text(0)) { values.remove(value) }
    return .true
}

private func removeAll(_ call: Call, _ kind: Int) -> CInt {
    call.xavps(kind).removeAll(call.text(0))
    return .true
}

private func removeField(_ call: Call, _ kind: Int) -> CInt {
    let values = call.xavps(kind)
    guard let fields = values.find(call.text(0)).flatMap({ values.fields(of: $0) }),
        let field = fields.find(call.text(1))
    else { return .true }
    fields.remove(field)
    return .true
}

/// The first field of that name in the first value of its name, both made when they are not there.
private func setField(_ call: Call, _ kind: Int, _ value: apus_value) -> CInt {
    let values = call.xavps(kind)
    guard let list = values.find(call.text(0)) ?? values.add(call.text(0)), let fields = values.fields(of: list) else {
        return .false
    }
    if let field = fields.find(call.text(1)) { return fields.set(field, value) ? .true : .false }
    return fields.add(call.text(1), value) == nil ? .false : .true
}

// MARK: - Destination

/// `xavp_push_dst(name)`
private func pushDestination(_ call: Call) -> CInt {
    let values = call.xavps()
    guard let fields = values.find(call.text(0)).flatMap({ values.fields(of: $0) }) else { return .false }
    let message = call.message
    if let uri = fields.value("uri")?.str, !uri.isEmpty {
        guard message.api.pointee.set_request_uri(message.handle, uri) > 0 else { return call.fail("uri is no URI") }
    }
    if let uri = fields.value("dsturi")?.str, !uri.isEmpty {
        guard message.api.pointee.set_destination(message.handle, uri) > 0 else { return call.fail("dsturi is no URI") }
    }
    if let socket = fields.value("socket")?.str, !socket.isEmpty {
        guard let listener = call.host.listener(socket) else { return call.fail("socket is none of this server's") }
        message.api.pointee.send_through(message.handle, listener)
    }
    return .true
}

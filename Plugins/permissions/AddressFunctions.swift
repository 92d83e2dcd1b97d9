import AccessLists
import PluginKit

// Invariants: run on workers; the addresses in force stay until the function returns.

func declareAddressFunctions(_ host: Host) {
    host.function(
        "allow_address", "group:int, address:format, port:int",
        doc: "Whether the group has that address, or name, and port."
    ) { call in
        guard let group = group(call.int(0)) else { return .false }
        return answer(call, find(call, call.text(1), call.int(2), group: group)) { _ in .true }
    }
    host.function(
        "allow_source_address", "group:int?", doc: "Whether the group, 1 unless given, has the address of the sender."
    ) { call in
        guard let group = group(call.has(0) ? call.int(0) : 1) else { return .false }
        return answer(call, findSource(call, group: group)) { _ in .true }
    }
    host.function("allow_source_address_group", doc: "A group that has the address of the sender; -1: none has.") {
        answer($0, findSource($0, group: 0)) { $0.group }
    }
    host.function(
        "allow_address_group", "address:format, port:int",
        doc: "A group that has that address, or name, and port; -1: none has."
    ) { answer($0, find($0, $0.text(0), $0.int(1), group: 0)) { $0.group } }
}

/// Nil: there can be no such group.
private func group(_ number: Int64) -> Int32? { Int32(exactly: number).flatMap { $0 > 0 ? $0 : nil } }

private func find(_ call: Call, _ address: apus_str, _ port: Int64, group: Int32) -> AddressIndex.Entry? {
    guard let port = UInt16(exactly: port), let list = state.pointee.addresses.current else { return nil }
    let index = list.pointee.index
    let row =
        if let network = call.host.network(address) {
            index.find(network, port: port, group: group)
        } else {
            index.find(address, port: port, group: group)
        }
    return row.map { index[$0] }
}

private func findSource(_ call: Call, group: Int32) -> AddressIndex.Entry? {
    var source = apus_destination()
    source.size = UInt32(MemoryLayout<apus_destination>.size)
    let message = call.message
    message.api.pointee.source(message.handle, &source)
    guard let list = state.pointee.addresses.current, let network = NetworkAddress(source.remote) else { return nil }
    let index = list.pointee.index
    return index.find(network, port: source.remote.port, group: group).map { index[$0] }
}

private func answer(
    _ call: Call, _ entry: AddressIndex.Entry?, _ result: (AddressIndex.Entry) -> CInt
) -> CInt {
    guard let entry else { return .false }
    return call.giveTag(entry.tag) ? result(entry) : .false
}

extension UnsafePointer<apus_call> {
    /// Puts a tag, if there is one, on top of the AVP of tags, if there is one; false with the reason in the log.
    func giveTag(_ tag: apus_str) -> Bool {
        guard !tag.isNull, let variable = state.pointee.tag else { return true }
        var value = apus_value(tag)
        return host.pointee.vars.pointee.set(self, variable, &value) > 0 || fail("peer_tag_avp takes no tag") > 0
    }
}

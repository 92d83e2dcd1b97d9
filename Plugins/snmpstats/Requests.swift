import CNetSNMP

// Invariants: as Handler's: the library's memory stays until its handler returns. Numbers of an OID are 32 bits wide on the wire, and so in the library.

typealias RequestRef = UnsafeMutablePointer<netsnmp_request_info>

/// The requests of one call of a handler.
struct Requests {
    let info: UnsafeMutablePointer<netsnmp_agent_request_info>
    let first: RequestRef
    /// The enterprise's node.
    let root: [UInt]

    /// Those that nobody has answered, each with its OID below the enterprise's node; one before that node as the node itself.
    func visit(_ body: (RequestRef, Path) -> Void) {
        var next: RequestRef? = first
        while let request = next {
            next = request.pointee.next
            guard request.pointee.processed == 0, let varbind = request.pointee.requestvb else { continue }
            let name = UnsafeBufferPointer(start: varbind.pointee.name, count: varbind.pointee.name_length)
            body(
                request,
                name.starts(with: root) ? name.dropFirst(root.count).map { UInt32(truncatingIfNeeded: $0) } : [])
        }
    }

    /// Whether what is asked for does not end before that OID.
    func isWanted(_ path: Path, _ request: RequestRef) -> Bool {
        guard let end = request.pointee.range_end else { return true }
        let limit = UnsafeBufferPointer(start: end, count: request.pointee.range_end_len)
        return (root + path.map { UInt($0) }).lexicographicallyPrecedes(limit)
    }

    /// The answer is about that OID.
    func rename(_ request: RequestRef, _ path: Path) {
        let name = root + path.map { UInt($0) }
        snmp_set_var_objid(request.pointee.requestvb, name, name.count)
    }

    func refuse(_ request: RequestRef, _ error: CInt) { netsnmp_set_request_error(info, request, error) }
}

extension UnsafeMutablePointer<netsnmp_request_info> {
    /// Fills in the varbind's value.
    func answer(_ value: Value) {
        let varbind = pointee.requestvb
        switch value {
        case .integer(let number): snmp_set_var_typed_integer(varbind, UInt8(snmp_type_integer), Int(number))
        case .counter(let number): snmp_set_var_typed_integer(varbind, UInt8(snmp_type_counter), Int(number))
        case .gauge(let number): snmp_set_var_typed_integer(varbind, UInt8(snmp_type_gauge), Int(number))
        case .ticks(let number): snmp_set_var_typed_integer(varbind, UInt8(snmp_type_ticks), Int(number))
        case .octets(let bytes): snmp_set_var_typed_value(varbind, UInt8(snmp_type_octets), bytes, bytes.count)
        }
    }

    /// What a SET brings.
    var newValue: NewValue {
        guard let varbind = pointee.requestvb else { return .other }
        switch CInt(varbind.pointee.type) {
        case CInt(snmp_type_integer):
            guard let number = varbind.pointee.val.integer else { return .other }
            return .integer(number.pointee)
        case CInt(snmp_type_octets):
            return .octets(
                Array(UnsafeBufferPointer(start: varbind.pointee.val.string, count: varbind.pointee.val_len)))
        default: return .other
        }
    }
}

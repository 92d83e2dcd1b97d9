import CNetSNMP

/// A notification (SMIv2's NOTIFICATION-TYPE) with its objects, as the library sends it by way of the master agent.
struct Notification {
    /// Its OID, below the enterprise's node.
    let path: Path
    let objects: [(path: Path, value: Value)]

    private static let trapOID: [UInt] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0]

    /// Agent thread, connected. The library puts sysUpTime before it.
    func send(_ family: Family) {
        var list: UnsafeMutablePointer<netsnmp_variable_list>?
        let own = family.root + path.map { UInt($0) }
        own.withUnsafeBytes {
            _ = snmp_varlist_add_variable(
                &list, Notification.trapOID, Notification.trapOID.count, UInt8(snmp_type_oid), $0.baseAddress,
                $0.count)
        }
        for object in objects {
            let name = family.root + object.path.map { UInt($0) }
            var (type, number) = (UInt8(snmp_type_gauge), 0)
            switch object.value {
            case .integer(let value): (type, number) = (UInt8(snmp_type_integer), Int(value))
            case .gauge(let value): number = Int(value)
            // No notification has others.
            case .counter, .ticks, .octets: continue
            }
            _ = snmp_varlist_add_variable(&list, name, name.count, type, &number, MemoryLayout<Int>.size)
        }
        send_v2trap(list)
        snmp_free_varbind(list)
    }
}

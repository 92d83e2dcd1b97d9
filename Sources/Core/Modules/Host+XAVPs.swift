import PluginAPI

// Invariants: `apus_xavp` is a pointer to a node of the XAVPs that the call's run sees: a field of a root, or of one of these.

/// The group `xavp`: apus/xavp.h.
extension HostTables {
    private typealias Node = UnsafeMutablePointer<XAVPList.Node>

    static func makeXAVPs() -> apus_xavp_api {
        apus_xavp_api(
            size: size(apus_xavp_api.self),
            first: { call, kind, list in
                HostTables.list(call, kind, list)?.pointee.fields.map { OpaquePointer($0) }
            },
            next: { Node($0).pointee.next.map { OpaquePointer($0) } },
            find: { call, kind, list, name, index in
                guard let kind = XAVPList.Kind(contract: kind), let list = HostTables.list(call, kind, list) else {
                    return nil
                }
                let step = XAVPPath.Step(name: name.bytes, index: .number(index))
                return XAVPList.find(step, in: list, kind).map { OpaquePointer($0) }
            },
            facts: { node, out in
                let node = Node(node)
                HostTables.fill(
                    out,
                    apus_xavp_facts(
                        size: out.pointee.size, is_list: node.pointee.isList ? 1 : 0, name: apus_str(node.pointee.name),
                        value: node.pointee.isList ? .null : node.pointee.value))
            },
            add: { HostTables.add($0, $1, $2, $3.bytes, $4).map { OpaquePointer($0) } },
            set: { call, node, value in
                guard let xavps = UnsafeMutablePointer<Run>(call.pointee.run).xavpList else { return CInt(APUS_FALSE) }
                guard let value else {
                    xavps.pointee.makeList(Node(node))
                    return CInt(APUS_TRUE)
                }
                return HostTables.answer(xavps.pointee.store(value.pointee, in: Node(node)))
            },
            move: { call, kind, list, node, behind in
                guard let list = HostTables.list(call, kind, list) else { return }
                XAVPList.move(Node(node), behind: behind.map { Node($0) }, in: list)
            },
            remove: { call, kind, list, node in
                guard let xavps = UnsafeMutablePointer<Run>(call.pointee.run).xavpList,
                    let list = HostTables.list(call, kind, list)
                else { return }
                xavps.pointee.unlink(Node(node), from: list)
            })
    }

    /// The list that a module means; nil while there are no XAVPs, and when it means none.
    private static func list(_ call: UnsafePointer<apus_call>, _ kind: UInt32, _ list: OpaquePointer?) -> Node? {
        XAVPList.Kind(contract: kind).flatMap { HostTables.list(call, $0, list) }
    }

    private static func list(
        _ call: UnsafePointer<apus_call>, _ kind: XAVPList.Kind, _ list: OpaquePointer?
    ) -> Node? {
        if let list { return Node(list).pointee.isList ? Node(list) : nil }
        return UnsafeMutablePointer<Run>(call.pointee.run).xavpList?.pointee.root(kind)
    }

    private static func add(
        _ call: UnsafePointer<apus_call>, _ kind: UInt32, _ list: OpaquePointer?, _ name: Bytes,
        _ value: UnsafePointer<apus_value>?
    ) -> Node? {
        guard let kind = XAVPList.Kind(contract: kind), !name.isEmpty, list == nil || value != nil,
            let xavps = UnsafeMutablePointer<Run>(call.pointee.run).madeXAVPList,
            let list = HostTables.list(call, kind, list)
        else { return nil }
        if kind == .xavu, let known = XAVPList.find(XAVPPath.Step(name: name, index: .none), in: list, kind) {
            guard let value else {
                xavps.pointee.makeList(known)
                return known
            }
            return xavps.pointee.store(value.pointee, in: known) ? known : nil
        }
        return xavps.pointee.add(name, value?.pointee, to: list)
    }
}

extension XAVPList.Kind {
    /// `APUS_XAVP` …; nil for other numbers.
    @inline(__always)
    fileprivate init?(contract number: UInt32) { self.init(rawValue: Int(number)) }
}

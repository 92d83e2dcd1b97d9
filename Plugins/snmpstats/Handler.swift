import CNetSNMP
import PluginKit

// Invariants: called by the library on the agent's thread; requests, their varbinds and the registration are the library's and stay until the
// handler returns. A registration's `my_reg_void` is the number of its family.

/// Answers requests for what is registered below an enterprise's node. Agent thread only.
final class Handler {
    private let tree: Tree
    private let users: Users?
    /// GETs and their like, by varbind; and SET requests that were carried out.
    private(set) var requests: UInt64 = 0
    private(set) var sets: UInt64 = 0
    /// What undoes the SET that goes on, by registration, the latest last.
    private var undo: [UInt: [() -> Void]] = [:]

    /// The library's handlers are handed no pointer of ours that would not do for a number.
    nonisolated(unsafe) static var shared: Handler?

    init(_ tree: Tree, _ users: Users?) {
        self.tree = tree
        self.users = users
    }

    /// What is registered below each enterprise's node: the objects of the three MIBs.
    private static let subtrees: [Path] = [[3, 1, 1, 1], [3, 1, 2, 1], [3, 1, 3, 1]]

    /// Registers everything for these families. How many registrations that makes.
    static func register(_ families: [Family]) -> Int {
        for family in families {
            for subtree in subtrees {
                let root = family.root + subtree.map { UInt($0) }
                guard
                    let registration = netsnmp_create_handler_registration(
                        "snmpstats", serve, root, root.count, CInt(HANDLER_CAN_RWRITE))
                else { continue }
                registration.pointee.my_reg_void = UnsafeMutableRawPointer(bitPattern: family.rawValue + 1)
                netsnmp_register_handler(registration)
            }
        }
        return families.count * subtrees.count
    }

    private static let serve:
        @convention(c) (
            UnsafeMutablePointer<netsnmp_mib_handler>?, UnsafeMutablePointer<netsnmp_handler_registration>?,
            UnsafeMutablePointer<netsnmp_agent_request_info>?, UnsafeMutablePointer<netsnmp_request_info>?
        ) -> CInt = { _, registration, info, requests in
            guard let handler = Handler.shared, let registration, let info, let requests,
                let family = Family(rawValue: Int(bitPattern: registration.pointee.my_reg_void) - 1)
            else { return CInt(SNMP_ERR_GENERR) }
            let all = Requests(info: info, first: requests, root: family.root)
            // Whoever asks after a registration was answered sees it.
            handler.users?.catchUp()
            switch info.pointee.mode {
            case CInt(snmp_mode_get): handler.get(all)
            case CInt(snmp_mode_get_next): handler.getNext(all)
            default: handler.change(all, info.pointee.mode, UInt(bitPattern: registration))
            }
            return CInt(SNMP_ERR_NOERROR)
        }

    private func get(_ all: Requests) {
        all.visit { request, path in
            requests &+= 1
            switch tree.get(path) {
            case .value(let value): request.answer(value)
            case .noObject: all.refuse(request, CInt(snmp_no_object))
            case .noInstance: all.refuse(request, CInt(snmp_no_instance))
            }
        }
    }

    private func getNext(_ all: Requests) {
        all.visit { request, path in
            requests &+= 1
            if request.pointee.inclusive != 0, case .value(let value) = tree.get(path) { return request.answer(value) }
            guard let found = tree.next(path), all.isWanted(found.path, request) else { return }
            all.rename(request, found.path)
            request.answer(found.value)
        }
    }

    // MARK: - SET

    private func change(_ all: Requests, _ mode: CInt, _ registration: UInt) {
        switch mode {
        case CInt(snmp_mode_reserve1):
            all.visit { request, path in
                do throws(Refusal) { try check(path, request.newValue) } catch { all.refuse(request, error.rawValue) }
            }
        case CInt(snmp_mode_reserve2):
            for (first, row) in rows(all) {
                do throws(Refusal) { try row.table.check(row.index, row.values) } catch {
                    all.refuse(first, error.rawValue)
                }
            }
        case CInt(snmp_mode_action):
            undo[registration] = rows(all).map { $0.row.table.set($0.row.index, $0.row.values) }
        case CInt(snmp_mode_undo):
            for step in (undo.removeValue(forKey: registration) ?? []).reversed() { step() }
        case CInt(snmp_mode_commit):
            if undo.removeValue(forKey: registration) != nil { sets &+= 1 }
        default: undo[registration] = nil
        }
    }

    private func check(_ path: Path, _ value: NewValue) throws(Refusal) {
        guard let (object, index) = tree.object(of: path) else { throw .notWritable }
        guard case .column(let table, let column) = object.kind, let writing = table.writing else { throw .notWritable }
        try writing.check(column, at: index, value)
    }

    /// What is to be set, by row, with the first request of each.
    private func rows(_ all: Requests) -> [(first: RequestRef, row: RowChange)] {
        var rows: [(first: RequestRef, row: RowChange)] = []
        all.visit { request, path in
            guard let (object, index) = tree.object(of: path), case .column(let table, let column) = object.kind,
                let writing = table.writing
            else { return }
            if let place = rows.firstIndex(where: { $0.row.table === writing && $0.row.index == index }) {
                rows[place].row.values[column] = request.newValue
            } else {
                rows.append((request, RowChange(table: writing, index: index, values: [column: request.newValue])))
            }
        }
        return rows
    }
}

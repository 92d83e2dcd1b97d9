import PluginKit
import RoutingKit

// Invariants: texts of an apus_branch made here lie with the AVPs of the run, and outlive the XAVP that they were read from (apus/xavp.h).

/// What scripts see of a contact that t_load_contacts has put aside: the fields of one XAVP.
enum ContactFields {
    /// In `q_flag`: the last contact of those that are tried at the same time.
    static let last: Int64 = 4

    /// Puts a contact in front of the others of that name; without a `q_flag` it is one of a device's further flows. False when memory is
    /// out.
    static func add(_ contact: apus_branch, qFlag: Int64?, to values: XAVPs, _ name: apus_str) -> Bool {
        guard let record = values.add(name), let fields = values.fields(of: record) else { return false }
        var isWhole = fields.add("uri", apus_value(contact.uri)) != nil
        func keep(_ field: apus_str, _ text: apus_str) {
            if !text.isEmpty { isWhole = isWhole && fields.add(field, apus_value(text)) != nil }
        }
        keep("dst_uri", contact.destination)
        keep("path", contact.path)
        if let listener = contact.send_through {
            let net = values.call.host.pointee.net
            keep("sock", apus_listener_info.filled { net.pointee.info(listener, $0) }?.text ?? apus_str())
        }
        isWhole = isWhole && fields.add("flags", apus_value(Int64(contact.flags))) != nil
        if let qFlag { isWhole = isWhole && fields.add("q_flag", apus_value(qFlag)) != nil }
        keep("instance", contact.instance)
        keep("ruid", contact.ruid)
        keep("ua", contact.user_agent)
        if !isWhole { values.remove(record) }
        return isWhole
    }

    /// A destination as the fields say, scripts' changes included; nil when they name no URI, or a socket that is none of ours.
    static func branch(_ fields: XAVPs) -> apus_branch? {
        func text(_ name: apus_str) -> apus_str {
            guard let value = fields.value(name), value.isText else { return apus_str() }
            return value.str
        }
        var listener: OpaquePointer?
        let socket = text("sock")
        if !socket.isEmpty {
            listener = fields.call.host.listener(socket)
            if listener == nil { return nil }
        }
        let uri = text("uri")
        guard !uri.isEmpty else { return nil }
        let flags = fields.value("flags")?.num ?? 0
        return apus_branch(
            size: UInt32(MemoryLayout<apus_branch>.size), q: -1, uri: uri, destination: text("dst_uri"),
            path: text("path"), flags: UInt32(truncatingIfNeeded: flags), reserved: 0, send_through: listener,
            instance: text("instance"), ruid: text("ruid"), user_agent: text("ua"))
    }

    /// Whether the contact is the last of those that are tried at the same time.
    static func endsGroup(_ fields: XAVPs) -> Bool { (fields.value("q_flag")?.num ?? 0) != 0 }
}

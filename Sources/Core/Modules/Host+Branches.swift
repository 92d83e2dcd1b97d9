import PluginAPI

// Invariants: `apus_msg` is a MessageRecord; out-structs are the module's and as large as their `size` says.

/// The group `branches`: apus/branches.h.
extension HostTables {
    static func makeBranches() -> apus_branches_api {
        apus_branches_api(
            size: size(apus_branches_api.self),
            append: { message, branch in
                HostTables.answer(Message(opaque: message).appendBranch(Branch(branch)))
            },
            count: { UInt32(Message(opaque: $0).branchCount) },
            get: { message, index, out in
                let message = Message(opaque: message)
                guard index < UInt32(message.branchCount) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, message.branch(at: Int(index)))
                return CInt(APUS_TRUE)
            },
            remove: { message, index in HostTables.answer(Message(opaque: message).removeBranch(at: Int(index))) },
            clear: { Message(opaque: $0).removeBranches() },
            request_q: { Int32(Message(opaque: $0).routing.current.q) },
            set_request_q: { Message(opaque: $0).routing.current.q = HostTables.q($1) },
            current: { HostTables.fill($1, Message(opaque: $0).currentBranch) },
            set_current: { message, branch in
                let message = Message(opaque: message)
                return HostTables.answer(message.isRequest && message.setCurrent(Branch(branch)))
            },
            is_new: { HostTables.answer(Message(opaque: $0).routing.isNew) },
            set_new: { Message(opaque: $0).routing.isNew = $1 != 0 },
            prepared: { HostTables.fill($1, Message(opaque: $0).preparedBranch) },
            clear_prepared: { Message(opaque: $0).routing.preparedBranch = nil })
    }

    @inline(__always)
    private static func fill(_ out: UnsafeMutablePointer<apus_branch>, _ branch: Branch) {
        HostTables.fill(
            out,
            apus_branch(
                size: out.pointee.size, q: Int32(branch.q), uri: apus_str(branch.uri),
                destination: branch.destination.map { apus_str($0) } ?? apus_str(),
                path: apus_str(branch.path ?? .empty), flags: branch.flags, reserved: 0,
                send_through: branch.sendThrough.map { OpaquePointer($0) },
                instance: apus_str(branch.instance ?? .empty), ruid: apus_str(branch.ruid ?? .empty),
                user_agent: apus_str(branch.locationUserAgent ?? .empty)))
    }

    fileprivate static func q(_ value: Int32) -> Int16 { value < 0 ? -1 : Int16(min(value, 1000)) }

    @inline(__always)
    static func answer(_ truth: Bool) -> CInt { truth ? CInt(APUS_TRUE) : CInt(APUS_FALSE) }

    /// Writes as much of the struct as the caller's version has room for. The struct's own `size` is the caller's.
    @inline(__always)
    static func fill<Struct>(_ out: UnsafeMutablePointer<Struct>, _ contents: Struct) {
        let room = Int(UnsafeRawPointer(out).load(as: UInt32.self))
        if room >= MemoryLayout<Struct>.size {
            out.initialize(to: contents)
        } else {
            withUnsafeBytes(of: contents) {
                UnsafeMutableRawPointer(out).copyMemory(from: $0.baseAddress!, byteCount: min(room, $0.count))
            }
        }
    }
}

extension Branch {
    /// As a module gives it, texts not copied. Empty ones are none.
    fileprivate init(_ given: UnsafePointer<apus_branch>) {
        self.init(uri: given.pointee.uri.bytes)
        q = HostTables.q(given.pointee.q)
        flags = given.pointee.flags
        sendThrough = given.pointee.send_through.map { UnsafeMutableRawPointer($0) }
        destination = Branch.text(given.pointee.destination)
        path = Branch.text(given.pointee.path)
        instance = Branch.text(given.pointee.instance)
        ruid = Branch.text(given.pointee.ruid)
        locationUserAgent = Branch.text(given.pointee.user_agent)
    }

    private static func text(_ given: apus_str) -> Bytes? { given.len > 0 ? given.bytes : nil }
}

import PluginAPI

/// `$br`, `$branch(k)` … : the destinations beside the Request-URI, and what is known of the contact behind it.
extension CoreVariables {
    static func declareBranches(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("br", "URI of the first further branch. Assigning adds a branch.") {
            let message = $0.message
            return message.isRequest && message.branchCount > 0 ? $1.give(message.branch(at: 0).uri) : -1
        } set: { access, value in
            guard access.message.isRequest else { return 1 }
            guard let uri = access.text(of: value), !uri.isEmpty else { return -1 }
            var branch = Branch(uri: uri)
            branch.sendThrough = access.message.routing.current.sendThrough
            return access.message.appendBranch(branch) ? 1 : -1
        }
        try declare.variable("bR", "URIs of all further branches, with their q.") { $1.give($0.allBranches) }
        try declare.variable(
            "ds", "The destination set: Contact with the Request-URI, where it was changed, and all branches."
        ) {
            $1.give($0.destinationSet)
        }
        try declare.variable("ruid", "Record id of the contact that was looked up.") {
            $1.give(ifAny: $0.message.routing.current.ruid ?? .empty)
        }
        try declare.variable("location_ua", "User-Agent of the contact that was looked up.") {
            $1.give(ifAny: $0.message.routing.current.locationUserAgent ?? .empty)
        }
        try declareBranch(declare)
        try declarePreparedBranch(declare)
    }

    /// `$sbranch(k)`
    private static func declarePreparedBranch(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "sbranch", inner: "uri|dst_uri|path|q|send_socket|flags|ruid|location_ua|instance",
            "A part of the branch that is put together for sbranch_append() and sbranch_set_ruri()."
        ) { access, out in
            guard let part = BranchPart(rawValue: access.pointee.inner_id) else { return -1 }
            let branch = access.message.preparedBranch
            return part == .uri && branch.uri.isEmpty ? -1 : out.give(part, of: branch, access)
        } set: { access, value in
            guard access.message.isRequest, let part = BranchPart(rawValue: access.pointee.inner_id) else { return -1 }
            var branch = access.message.preparedBranch
            guard branch.set(part, value, access) else { return -1 }
            return access.message.prepareBranch(branch) ? 1 : -1
        }
    }

    /// `$(branch(k)[i])`
    private static func declareBranch(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "branch", inner: "uri|dst_uri|path|q|send_socket|flags|ruid|location_ua|instance|count", indexed: true,
            "A part of a branch: uri, dst_uri, path, q, send_socket, flags, ruid, location_ua, instance; or count."
        ) { access, out in
            let message = access.message
            if access.pointee.inner_id == BranchPart.count.rawValue { return out.give(message.branchCount) }
            guard !access.wantsAll, let place = access.place(in: message.branchCount),
                let part = BranchPart(rawValue: access.pointee.inner_id)
            else { return -1 }
            return out.give(part, of: message.branch(at: place), access)
        } set: { access, value in
            let message = access.message
            guard !access.wantsAll, let part = BranchPart(rawValue: access.pointee.inner_id),
                let place = access.place(in: message.branchCount)
            else { return -1 }
            // A branch without URI is none: assigning $null to it removes the branch.
            if part == .uri, value.pointee.isNull { return message.removeBranch(at: place) ? 1 : -1 }
            var branch = message.branch(at: place)
            guard branch.set(part, value, access) else { return -1 }
            return message.setBranch(at: place, branch) ? 1 : -1
        }
    }
}

/// In the order of the inner names of `$branch`.
private enum BranchPart: Int32 {
    case uri, destination, path, q, socket, flags, ruid, userAgent, instance, count
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func give(_ part: BranchPart, of branch: Branch, _ access: UnsafePointer<apus_access>) -> CInt {
        switch part {
        case .uri: give(branch.uri)
        case .destination: give(ifAny: branch.destination ?? .empty)
        case .path: give(ifAny: branch.path ?? .empty)
        case .q: branch.q < 0 ? -1 : give(access.run.compose(8) { $0.write(q: branch.q) })
        case .socket: give(access.listener(branch.sendThrough)?.text.bytes)
        case .flags: give(branch.flags)
        case .ruid: give(ifAny: branch.ruid ?? .empty)
        case .userAgent: give(ifAny: branch.locationUserAgent ?? .empty)
        case .instance: give(ifAny: branch.instance ?? .empty)
        case .count: -1
        }
    }
}

extension Branch {
    /// False when the part does not take the value.
    fileprivate mutating func set(
        _ part: BranchPart, _ value: UnsafePointer<apus_value>, _ access: UnsafePointer<apus_access>
    ) -> Bool {
        let text = access.text(of: value)
        guard text != nil || value.pointee.isNull else { return false }
        switch part {
        case .uri: uri = text ?? .empty
        case .destination: destination = text
        case .path: path = text
        case .ruid: ruid = text
        case .userAgent: locationUserAgent = text
        case .instance: instance = text
        case .flags: flags = UInt32(truncatingIfNeeded: value.pointee.int)
        case .q:
            guard let text else {
                q = -1
                return true
            }
            if value.pointee.hasInt, !value.pointee.hasText {
                // A number says thousandths.
                guard 0...1000 ~= value.pointee.num else { return false }
                q = Int16(value.pointee.num)
                return true
            }
            guard let thousandths = text.qValue else { return false }
            q = thousandths
        case .socket:
            guard let text else {
                sendThrough = nil
                return true
            }
            guard let socket = SocketText(text),
                let found = ScriptEnvironment.current.findListener(
                    socket.transport, apus_str(socket.host), socket.port)
            else { return false }
            sendThrough = found
        case .count: return false
        }
        return true
    }
}

extension UnsafePointer<apus_access> {
    /// `sip:a@b, <sip:c@d>;q=0.5`
    fileprivate var allBranches: Bytes? {
        let message = message
        guard message.isRequest, message.branchCount > 0 else { return nil }
        var room = 0
        for index in 0..<message.branchCount { room += message.branch(at: index).uri.count + 16 }
        return run.compose(room) {
            for index in 0..<message.branchCount {
                let branch = message.branch(at: index)
                if index > 0 { $0.write(", ") }
                if branch.q >= 0 { $0.write("<") }
                $0.write(branch.uri)
                if branch.q >= 0 {
                    $0.write(">;q=")
                    $0.write(q: branch.q)
                }
            }
        }
    }

    /// `Contact: <sip:a@b>;q=0.5, <sip:c@d>`; the Request-URI is not in it when it has become one of the branches.
    fileprivate var destinationSet: Bytes? {
        let message = message
        let isChanged = message.routing.isNew && message.routing.newURI != nil
        guard message.isRequest, isChanged || message.branchCount > 0 else { return nil }
        var room = message.requestURIText.count + 32
        for index in 0..<message.branchCount { room += message.branch(at: index).uri.count + 16 }
        return run.compose(room) {
            $0.write("Contact: ")
            if isChanged { $0.write(destination: message.requestURIText, q: message.routing.current.q) }
            for index in 0..<message.branchCount {
                let branch = message.branch(at: index)
                if index > 0 || isChanged { $0.write(", ") }
                $0.write(destination: branch.uri, q: branch.q)
            }
        }
    }
}

extension ByteWriter {
    fileprivate mutating func write(destination uri: Bytes, q: Int16) {
        write("<")
        write(uri)
        write(">")
        guard q >= 0 else { return }
        write(";q=")
        write(q: q)
    }

    /// Thousandths as RFC 3261 `qvalue`: 0.5, 1, 0.125.
    mutating func write(q: Int16) {
        write(decimal: UInt64(q / 1000))
        var rest = q % 1000
        guard rest > 0 else { return }
        write(".")
        while rest > 0 {
            write(decimal: UInt64(rest / 100))
            rest = rest % 100 * 10
        }
    }
}

extension Bytes {
    /// RFC 3261 `qvalue` in thousandths; nil when it is none.
    var qValue: Int16? {
        guard count > 0, count <= 5, self[0] == UInt8(ascii: "0") || self[0] == UInt8(ascii: "1") else { return nil }
        var value = Int16(self[0] - 0x30) * 1000
        if count == 1 { return value }
        guard self[1] == UInt8(ascii: ".") else { return nil }
        var weight: Int16 = 100
        for index in 2..<count {
            guard self[index].isASCIIDigit else { return nil }
            value += Int16(self[index] - 0x30) * weight
            weight /= 10
        }
        return value <= 1000 ? value : nil
    }
}

import PluginAPI

/// `$hdr` and the variables of single headers.
extension CoreVariables {
    static func declareHeaders(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "hdr", inner: "*", indexed: true, dynamic: true,
            "Body of a header: the first of that name, one by index, or all joined by commas. * is any name."
        ) { $1.giveHeader($0) }
        try declare.variable(
            "hdrc", inner: "*", dynamic: true, number: true, "How many headers of that name there are."
        ) {
            $1.give($0.message.headerCount(named: $0.inner))
        }
        try declareIdentifiers(declare)
        try declareContacts(declare)
        try declareContents(declare)
    }

    private static func declareIdentifiers(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("ci", "Call-ID.") { $1.give(ifAny: $0.message.callID) }
        try declare.variable("cs", "Number of CSeq.") { access, out in
            guard let text = access.message.value(.cseq) else { return -1 }
            return out.give(ifAny: text.prefix(text.end(of: .digit)))
        }
        try declare.variable("csb", "Body of CSeq.") { $1.give($0.message.value(.cseq)) }
        try declare.variable("ua", "User-Agent.") { $1.give($0.message.value(.userAgent)) }
        try declare.variable("rt", "URI of Refer-To.") { $1.give($0.message.nameAddrs(.referTo).first?.uri) }
        try declare.variable("re", "URI of Remote-Party-ID.") {
            $1.give($0.message.nameAddrs(.remotePartyID).first?.uri)
        }
    }

    private static func declareContacts(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("ct", "Body of Contact.") { $1.give(ifAny: $0.message.value(.contact) ?? .empty) }
        try declare.variable("ctu", "URI of the first Contact.") {
            guard let contact = $0.message.contacts.first, !contact.isStar else { return -1 }
            return $1.give(contact.uri)
        }
        try declare.variable("cts", "1 when Contact is *, else 0.") {
            $1.give($0.message.contacts.first?.isStar == true ? 1 : 0)
        }
        try declare.variable("expires", inner: "min|max", "The least, the largest expiry over Contacts and Expires.") {
            $1.give($0.message.expiry(largest: $0.pointee.inner_id == 1))
        }
    }

    private static func declareContents(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("cT", "Content-Type.") { $1.give(ifAny: $0.message.value(.contentType) ?? .empty) }
        try declare.variable("cl", "Content-Length.") { access, out in
            access.message.contentLength.map { out.give($0) } ?? -1
        }
    }
}

extension UnsafeMutablePointer<apus_value> {
    /// Nil is $null.
    func give(_ number: Int64?) -> CInt {
        guard let number else { return -1 }
        return give(number)
    }

    /// `$hdr(name)`, `$(hdr(name)[i])`, `$(hdr(name)[*])`.
    func giveHeader(_ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        let name = access.inner
        guard access.pointee.index_kind != UInt32(APUS_INDEX_NONE) else {
            guard let index = message.headerIndex(named: name, from: 0) else { return -1 }
            return give(message.value(of: message.header(at: index)))
        }
        let count = message.headerCount(named: name)
        if access.wantsAll {
            guard count > 0 else { return -1 }
            var index = -1
            return give(
                withUnsafeTemporaryAllocation(of: Bytes.self, capacity: count) { bodies in
                    for place in 0..<count {
                        index = message.headerIndex(named: name, from: index + 1) ?? index
                        (bodies.baseAddress! + place).initialize(to: message.value(of: message.header(at: index)))
                    }
                    return access.run.joined(count, separator: ",") { bodies[$0] }
                })
        }
        guard var place = access.place(in: count), var index = message.headerIndex(named: name, from: 0) else {
            return -1
        }
        while place > 0, let next = message.headerIndex(named: name, from: index + 1) {
            index = next
            place -= 1
        }
        return give(message.value(of: message.header(at: index)))
    }
}

extension Message {
    /// The next header of that name from an index on; `*` is any.
    @inline(__always)
    func headerIndex(named name: Bytes, from: Int) -> Int? {
        if name.count == 1, name[0] == UInt8(ascii: "*") { return from < headerCount ? from : nil }
        return index(named: name, from: from)
    }

    func headerCount(named name: Bytes) -> Int {
        var count = 0
        var next = headerIndex(named: name, from: 0)
        while let index = next {
            count &+= 1
            next = headerIndex(named: name, from: index &+ 1)
        }
        return count
    }

    /// The smallest or largest number of seconds that Contacts ask for: their `expires` parameter, else the Expires header. Nil when
    /// nothing says so, or a number is none.
    func expiry(largest: Bool) -> Int64? {
        var header: Int64?
        if let text = value(.expires) {
            guard let seconds = text.uint32 else { return nil }
            header = Int64(seconds)
        }
        var found: Int64?
        for contact in contacts {
            var seconds = header
            if let text = contact.parameters["expires"], !text.isEmpty {
                guard let number = text.uint32 else { return nil }
                seconds = Int64(number)
            }
            guard let seconds else { continue }
            found = found.map { largest ? max($0, seconds) : min($0, seconds) } ?? seconds
        }
        return found ?? header
    }
}

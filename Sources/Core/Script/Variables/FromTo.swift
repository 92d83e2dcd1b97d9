import PluginAPI

/// `$fu`, `$tu` and their parts. Assigning edits the header of the message that is sent; reading goes on giving what was received.
extension CoreVariables {
    static func declareFromTo(_ declare: Declaring) throws(Registry.Refusal) {
        try declareFrom(declare)
        try declareTo(declare)
    }

    private static func declareFrom(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("fu from", "URI of From.") {
            $1.give($0.message.from?.uri)
        } set: {
            $0.edit($0.message.from, .uri, $1)
        }
        try declare.variable("fU from.user", "User in the URI of From.") {
            $1.giveUser(of: $0.message.fromURI)
        } set: {
            $0.edit($0.message.from, .user, $1)
        }
        try declare.variable("fd from.domain", "Host in the URI of From.") {
            $1.giveHost(of: $0.message.fromURI)
        } set: {
            $0.edit($0.message.from, .host, $1)
        }
        try declare.variable("fn", "Display name of From, its quotes included.") {
            $1.give(ifAny: $0.message.from?.displayName ?? .empty)
        } set: {
            $0.edit($0.message.from, .display, $1)
        }
        try declare.variable("ft", "Tag of From.") { $1.give(ifAny: $0.message.fromTag ?? .empty) }
        try declare.variable("ful", "Length of the URI of From.") { access, out in
            access.message.from.map { out.give($0.uri.count) } ?? -1
        }
        try declare.variable("fUl", "Length of the user in the URI of From.") {
            $1.giveUserLength(of: $0.message.fromURI)
        }
    }

    private static func declareTo(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("tu to", "URI of To.") {
            $1.give($0.message.to?.uri)
        } set: {
            $0.edit($0.message.to, .uri, $1)
        }
        try declare.variable("tU to.user", "User in the URI of To.") {
            $1.giveUser(of: $0.message.toURI)
        } set: {
            $0.edit($0.message.to, .user, $1)
        }
        try declare.variable("td to.domain", "Host in the URI of To.") {
            $1.giveHost(of: $0.message.toURI)
        } set: {
            $0.edit($0.message.to, .host, $1)
        }
        try declare.variable("tn", "Display name of To, its quotes included.") {
            $1.give(ifAny: $0.message.to?.displayName ?? .empty)
        } set: {
            $0.edit($0.message.to, .display, $1)
        }
        try declare.variable("tt", "Tag of To.") { $1.give(ifAny: $0.message.toTag ?? .empty) }
        try declare.variable("tts", number: true, "1 when To has a tag, else 0.") {
            $1.give($0.message.toTag?.isEmpty == false ? 1 : 0)
        }
        try declare.variable("tul", "Length of the URI of To.") { access, out in
            access.message.to.map { out.give($0.uri.count) } ?? -1
        }
        try declare.variable("tUl", "Length of the user in the URI of To.") {
            $1.giveUserLength(of: $0.message.toURI)
        }
    }
}

/// The parts of From and To that can be assigned.
private enum AddressPart {
    case uri, user, host, display
}

extension UnsafePointer<apus_access> {
    /// Edits a part of From or To. $null removes user and display name; URI and host stay, with a log line.
    fileprivate func edit(_ address: NameAddr?, _ part: AddressPart, _ value: UnsafePointer<apus_value>) -> CInt {
        guard let address, let uri = URI.parse(address.uri) else { return -1 }
        guard !value.pointee.isNull else { return remove(address, uri, part) }
        guard let text = text(of: value) else { return -1 }
        switch part {
        case .uri: return replace(address.uri, text)
        case .host: return uri.host.isEmpty ? -1 : replace(uri.host, text)
        case .user:
            if !uri.user.isEmpty { return replace(uri.user, text) }
            return uri.host.isEmpty ? -1 : insert(text, "@", before: uri.host)
        case .display:
            if !address.displayName.isEmpty { return replace(address.displayName, text) }
            guard address.isBracketed else { return bracket(address, text) }
            // The bracket stands right before the URI, but for white space.
            return insert(text, " ", before: address.text)
        }
    }

    private func remove(_ address: NameAddr, _ uri: URI, _ part: AddressPart) -> CInt {
        switch part {
        case .uri, .host:
            run.logAtStatement(.warning, "From and To keep their URI: $null is not assigned")
            return 1
        case .user:
            guard !uri.user.isEmpty, !uri.host.isEmpty else { return 1 }
            // A password goes with its user, and so does the @.
            return replace(Bytes(uri.user.start, uri.host.start - uri.user.start), .empty)
        case .display:
            guard !address.displayName.isEmpty else { return 1 }
            // With the white space up to the bracket.
            let bracket = address.text.firstIndex(of: UInt8(ascii: "<"), from: address.displayName.count) ?? 0
            return replace(Bytes(address.text.start, max(bracket, address.displayName.count)), .empty)
        }
    }

    private func replace(_ old: Bytes, _ new: Bytes) -> CInt {
        guard message.received.contains(old) else { return -1 }
        let place = message.slice(old)
        return message.edit(offset: Int(place.offset), deleted: Int(place.count), text: new) ? 1 : -1
    }

    private func insert(_ text: Bytes, _ separator: StaticString, before place: Bytes) -> CInt {
        guard message.received.contains(place) else { return -1 }
        return withUnsafeTemporaryAllocation(
            byteCount: text.count + separator.utf8CodeUnitCount, alignment: 8
        ) { memory in
            var out = ByteWriter(memory)
            out.write(text)
            out.write(separator)
            return message.edit(offset: Int(message.slice(place).offset), deleted: 0, text: out.bytes) ? 1 : -1
        }
    }

    /// A URI without brackets gets some, since a display name stands before it now.
    private func bracket(_ address: NameAddr, _ display: Bytes) -> CInt {
        guard message.received.contains(address.uri) else { return -1 }
        return withUnsafeTemporaryAllocation(
            byteCount: display.count + address.uri.count + 3, alignment: 8
        ) { memory in
            var out = ByteWriter(memory)
            out.write(display)
            out.write(" <")
            out.write(address.uri)
            out.write(">")
            return replace(address.uri, out.bytes)
        }
    }
}

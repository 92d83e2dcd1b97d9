/// Everything that the first pass leaves for later, looked at on request: what a proxy need not understand to forward a message, and what an
/// element that acts on it must not take on trust.
extension Message {
    /// The first field that breaks its grammar or a MUST of its RFC; `.none` when there is nothing. Header fields that this server does not
    /// know are no fault, nor is a body of an unknown type.
    func check() -> ParseFault {
        if record.pointee.fault != .none { return record.pointee.fault }
        if isRequest, originalURI == nil || originalURI?.pointee.headers.isEmpty == false { return .requestURI }
        if vias.isMalformed { return .via }
        for via in vias where !via.isWellFormed { return .via }
        if let fault = checkAddresses() { return fault }
        if let fault = checkNumbers() { return fault }
        if let fault = checkTokens() { return fault }
        return .none
    }

    private func checkAddresses() -> ParseFault? {
        if from?.isWellFormed != true || fromURI == nil { return .from }
        if to?.isWellFormed != true || toURI == nil { return .to }
        if let fault = checkContacts() { return fault }
        if isBad(.route, needsBrackets: true) { return .route }
        if isBad(.recordRoute, needsBrackets: true) { return .recordRoute }
        if isBad(.path, needsBrackets: true) { return .path }
        if isBad(.serviceRoute, needsBrackets: true) { return .serviceRoute }
        if isBad(.pAssertedIdentity, needsBrackets: false) || isBad(.pPreferredIdentity, needsBrackets: false) {
            return .identity
        }
        if isBad(.remotePartyID, needsBrackets: false) { return .identity }
        if isBad(.diversion, needsBrackets: false) { return .diversion }
        if isBad(.referTo, needsBrackets: false) { return .referTo }
        return nameAddrs(.referTo).count > 1 ? .twoReferTo : nil
    }

    /// Whether a header field that holds addresses has none, or one that is no URI.
    private func isBad(_ id: HeaderID, needsBrackets: Bool) -> Bool {
        guard first(id) != nil else { return false }
        let values = nameAddrs(id)
        if values.isMalformed || values.isEmpty { return true }
        for value in values {
            if needsBrackets, !value.isBracketed { return true }
            if !value.isWellFormed || URI.parse(value.uri) == nil { return true }
        }
        return false
    }

    /// Contact: well formed, in angle brackets where its URI needs them (RFC 3261 §20.10), and `*` only as the one value of a REGISTER
    /// with Expires 0 (§10.2.2).
    private func checkContacts() -> ParseFault? {
        let contacts = self.contacts
        if contacts.isMalformed { return .contact }
        for contact in contacts {
            if contact.isStar {
                guard method == .register, contacts.count == 1, expires == 0 else { return .contactStar }
                continue
            }
            guard contact.isWellFormed, let uri = URI.parse(contact.uri) else { return .contact }
            if !contact.isBracketed, !uri.headers.isEmpty || contact.uri.firstIndex(of: UInt8(ascii: "?")) != nil {
                return .contact
            }
        }
        return nil
    }

    private func checkNumbers() -> ParseFault? {
        if record.pointee.maxForwards == MessageRecord.badMaxForwards { return .maxForwards }
        if record.pointee.cseqNumber > UInt32(Int32.max) { return .cseq }
        // A malformed Expires or Retry-After is no reason to refuse: RFC 3261 §10.3 takes the default.
        if first(.rack) != nil, rack == nil { return .rack }
        if first(.rseq) != nil, rseq == nil { return .rseq }
        if first(.sessionExpires) != nil, sessionExpires == nil { return .sessionExpires }
        if first(.minSE) != nil, minSE == nil { return .sessionExpires }
        return nil
    }

    private func checkTokens() -> ParseFault? {
        if first(.contentType) != nil {
            guard let type = contentType else { return .contentType }
            if type.type.equalsIgnoringCase("multipart"), type.boundary == nil { return .multipart }
        }
        if first(.event) != nil, event == nil { return .event }
        if first(.date) != nil, date == nil { return .date }
        if hasBadTokens(.require) || hasBadTokens(.proxyRequire) || hasBadTokens(.supported) { return .require }
        if hasBadCredentials(.authorization) || hasBadCredentials(.proxyAuthorization) { return .authorization }
        if hasBadCredentials(.wwwAuthenticate) || hasBadCredentials(.proxyAuthenticate) { return .authorization }
        return nil
    }

    private func hasBadTokens(_ id: HeaderID) -> Bool {
        for token in tokens(id) where !token.allSatisfy(.token) { return true }
        return false
    }

    private func hasBadCredentials(_ id: HeaderID) -> Bool {
        var next = first(id)
        while let header = next {
            if Credentials.parse(value(of: header)) == nil { return true }
            next = self.next(after: header)
        }
        return false
    }
}

extension NameAddr {
    /// The display name is quoted or made of tokens (RFC 3261 §25.1), and every parameter has a name.
    var isWellFormed: Bool {
        if !displayName.isEmpty {
            if displayName[0] == UInt8(ascii: "\"") {
                guard displayName.endOfQuotedString(from: 0) == displayName.count else { return false }
            } else {
                for byte in 0..<displayName.count
                where !ByteSet.token.contains(displayName[byte]) && !ByteSet.space.contains(displayName[byte]) {
                    return false
                }
            }
        }
        return params.hasNamedParameters
    }
}

extension Via {
    var isWellFormed: Bool { params.hasNamedParameters }
}

extension Bytes {
    /// Each of the parameters has a token for a name, and none is empty.
    var hasNamedParameters: Bool {
        var number = 0
        for parameter in Parameters(self) {
            if parameter.name.isEmpty || !parameter.name.allSatisfy(.token) { return false }
            number += 1
        }
        return number == semicolons
    }

    /// Semicolons outside quotes.
    private var semicolons: Int {
        var number = 0
        var at = 0
        while at < count {
            if self[at] == UInt8(ascii: "\"") {
                at = endOfQuotedString(from: at) ?? count
                continue
            }
            if self[at] == UInt8(ascii: ";") { number += 1 }
            at += 1
        }
        return number
    }
}

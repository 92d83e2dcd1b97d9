import PluginAPI

/// `$au`, `$ar` … : the digest credentials of a request, those for a proxy first. Not of ACK and CANCEL, which carry copies.
extension CoreVariables {
    static func declareCredentials(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("au", "User of the credentials, without its domain.") {
            $1.give($0.credential("username").map { $0.beforeAt })
        }
        try declare.variable("aU", "User of the credentials.") { $1.give($0.credential("username")) }
        try declare.variable("ad", "Domain of the user of the credentials.") {
            $1.give($0.credential("username").map { $0.behindAt })
        }
        try declare.variable("ar", "Realm of the credentials.") { $1.give($0.credential("realm")) }
        try declare.variable("aa", "Algorithm of the credentials.") { $1.give($0.credential("algorithm")) }
        try declare.variable("adu", "URI of the credentials.") { $1.give(ifAny: $0.credential("uri") ?? .empty) }
        try declare.variable("adn", "Nonce of the credentials.") { $1.give($0.credential("nonce")) }
        try declare.variable("adc", "Client nonce of the credentials.") { $1.give($0.credential("cnonce")) }
        try declare.variable("adr", "Response of the credentials.") { $1.give($0.credential("response")) }
        try declare.variable("ado", "Opaque of the credentials.") { $1.give($0.credential("opaque")) }
        try declareAccounting(declare)
    }

    /// Who is to be charged: the credentials say so, else From.
    private static func declareAccounting(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("Au", "For accounting: user and realm of the credentials, else of From.") { access, out in
            if let user = access.credential("username").map({ $0.beforeAt }), !user.isEmpty {
                guard let realm = access.credential("realm"), !realm.isEmpty else { return out.give(user) }
                return out.give(access.run.userAtHost(user, realm))
            }
            guard let uri = access.message.fromURI?.pointee else { return -1 }
            return out.give(access.run.userAtHost(uri.user, uri.host))
        }
        try declare.variable("AU", "For accounting: user of the credentials, else of From.") { access, out in
            if let user = access.credential("username").map({ $0.beforeAt }), !user.isEmpty { return out.give(user) }
            return out.giveUser(of: access.message.fromURI)
        }
    }
}

extension UnsafePointer<apus_access> {
    /// A parameter of the credentials, without quotes, empty when they lack it; nil when there are no credentials.
    fileprivate func credential(_ name: StaticString) -> Bytes? {
        let message = message
        guard message.method != .ack, message.method != .cancel,
            let text = message.value(.proxyAuthorization) ?? message.value(.authorization)
        else { return nil }
        let scheme = text.end(of: .token)
        guard text.prefix(scheme).equalsIgnoringCase("Digest") else { return nil }
        return Parameters(text.dropFirst(scheme), separator: UInt8(ascii: ","))[name] ?? .empty
    }
}

extension UnsafeMutablePointer<Run> {
    fileprivate func userAtHost(_ user: Bytes, _ host: Bytes) -> Bytes? {
        compose(user.count + host.count + 1) {
            $0.write(user)
            $0.write("@")
            $0.write(host)
        }
    }
}

extension Bytes {
    /// Up to the first `@`; all without one.
    fileprivate var beforeAt: Bytes { firstIndex(of: UInt8(ascii: "@")).map { prefix($0) } ?? self }
    /// Behind the first `@`; nothing without one.
    fileprivate var behindAt: Bytes { firstIndex(of: UInt8(ascii: "@")).map { dropFirst($0 + 1) } ?? .empty }
}

/// The answer to a challenge (RFC 2617 section 3.2.2), from the hash that the database has: the password itself is not needed.
struct DemoCredentials {
    let user: String
    let ha1: String

    /// - Returns: the value of an Authorization header; nil for a challenge that this cannot answer.
    func answer(_ challenge: String, method: String, uri: String) throws(Failure) -> String? {
        let parameters = DemoCredentials.parameters(challenge)
        guard let realm = parameters["realm"], let nonce = parameters["nonce"],
            parameters["algorithm"]?.uppercased() ?? "MD5" == "MD5"
        else { return nil }
        let ha2 = try Digests.md5("\(method):\(uri)")
        var value = "Digest username=\"\(user)\", realm=\"\(realm)\", nonce=\"\(nonce)\", uri=\"\(uri)\", algorithm=MD5"
        if let offered = parameters["qop"] {
            guard offered.split(separator: ",").contains("auth") else { return nil }
            let cnonce = DemoPhone.token()
            let response = try Digests.md5("\(ha1):\(nonce):00000001:\(cnonce):auth:\(ha2)")
            value += ", qop=auth, nc=00000001, cnonce=\"\(cnonce)\", response=\"\(response)\""
        } else {
            value += ", response=\"\(try Digests.md5("\(ha1):\(nonce):\(ha2)"))\""
        }
        if let opaque = parameters["opaque"] { value += ", opaque=\"\(opaque)\"" }
        return value
    }

    private static func parameters(_ challenge: String) -> [String: String] {
        var result: [String: String] = [:]
        var rest = challenge[...]
        guard rest.lowercased().hasPrefix("digest ") else { return [:] }
        rest = rest.dropFirst("digest ".count)
        while let equals = rest.firstIndex(of: "=") {
            let name = rest[..<equals].filter { $0 != " " && $0 != "," }.lowercased()
            rest = rest[rest.index(after: equals)...]
            if rest.first == "\"" {
                rest = rest.dropFirst()
                let end = rest.firstIndex(of: "\"") ?? rest.endIndex
                result[name] = String(rest[..<end])
                rest = rest[end...].dropFirst()
            } else {
                let end = rest.firstIndex(of: ",") ?? rest.endIndex
                result[name] = rest[..<end].filter { $0 != " " }
                rest = rest[end...]
            }
        }
        return result
    }
}

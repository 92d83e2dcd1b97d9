import DigestKit
import PluginKit
import RoutingKit

/// What there is of credentials for a realm.
enum FoundCredentials {
    case none
    /// There are some that cannot be read, and none for the realm.
    case malformed
    case found(apus_credentials, value: apus_str)
}

extension Message {
    static func header(_ kind: Int) -> apus_str { kind == AUTH_WWW ? "Authorization" : "Proxy-Authorization" }

    /// The first digest credentials for the realm, whose case does not matter, in the headers of that kind (`AUTH_WWW`, `AUTH_PROXY`).
    func credentials(_ kind: Int, realm: apus_str) -> FoundCredentials {
        var result = FoundCredentials.none
        eachHeader(Message.header(kind)) { header in
            guard header.value.isDigest else { return true }
            guard let credentials = apus_credentials.filled({ api.pointee.parse_credentials(header.value, $0) }),
                !credentials.realm.isNull
            else {
                result = .malformed
                return true
            }
            guard credentials.realm.equalsIgnoringCase(realm) else { return true }
            result = .found(credentials, value: header.value)
            return false
        }
        return result
    }

    /// Removes the header of the authorized credentials; false when there are none.
    func consumeCredentials() -> Bool {
        let authorized = api.pointee.authorized(handle)
        guard !authorized.isNull else { return false }
        return consume(authorized, AUTH_WWW) || consume(authorized, AUTH_PROXY)
    }

    private func consume(_ value: apus_str, _ kind: Int) -> Bool {
        var isConsumed = false
        eachHeader(Message.header(kind)) { header in
            guard header.value.equals(value) else { return true }
            var header = header
            isConsumed = remove(&header)
            return false
        }
        return isConsumed
    }
}

extension apus_str {
    /// The nonce count: eight hexadecimal digits, above 0 (RFC 7616 section 3.4).
    var nonceCount: UInt32? {
        guard len == 8 else { return nil }
        var value: UInt32 = 0
        for byte in bytes {
            let letter = apus_str.lower(byte)
            let digit = letter &- 0x30 <= 9 ? letter &- 0x30 : letter &- 0x61 < 6 ? letter &- 0x57 : 16
            guard digit < 16 else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value == 0 ? nil : value
    }
}

extension apus_credentials {
    /// Everything that a response needs is there and has its form (RFC 7616 section 3.4); `algorithm` is looked at elsewhere.
    var isComplete: Bool {
        guard !username.isEmpty, !nonce.isEmpty, !uri.isEmpty, !response.isEmpty else { return false }
        guard !qop.isNull else { return true }
        return (qop.equalsIgnoringCase("auth") || qop.equalsIgnoringCase("auth-int")) && nc.nonceCount != nil
            && !cnonce.isEmpty
    }
}

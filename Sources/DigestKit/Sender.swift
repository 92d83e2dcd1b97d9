import PluginKit

extension Message {
    /// Whether that user is who the request says: the user of From, for REGISTER and PUBLISH of To as well, for PUBLISH also of the Request-URI.
    /// - Parameter host: that all of these URIs must have; nil: any.
    public func isSent(by user: apus_str, at host: apus_str?) -> Bool {
        guard has(APUS_FIELD_FROM_URI, user, host) else { return false }
        switch method {
        case APUS_METHOD_REGISTER: return has(APUS_FIELD_TO_URI, user, host)
        case APUS_METHOD_PUBLISH:
            return has(APUS_FIELD_TO_URI, user, host) && has(APUS_FIELD_REQUEST_URI, user, host)
        default: return true
        }
    }

    private func has(_ field: Int, _ user: apus_str, _ host: apus_str?) -> Bool {
        guard let uri = parse(uri: self.field(field)), uri.user.equals(user) else { return false }
        return host.map { uri.host.equalsIgnoringCase($0) } ?? true
    }
}

extension apus_credentials {
    /// The user name without the domain that some phones append.
    public var user: apus_str {
        username.index(of: UInt8(ascii: "@")).map { username[0..<$0] } ?? username
    }

    /// The domain in the user name, else the realm.
    public var domain: apus_str {
        username.index(of: UInt8(ascii: "@")).map { username.dropFirst($0 + 1) } ?? realm
    }
}

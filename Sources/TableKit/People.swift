import PluginKit
import RoutingKit

/// User and host of somebody whom a request names.
public struct Person {
    public let user: apus_str
    public let host: apus_str

    public init(user: apus_str, host: apus_str) { (self.user, self.host) = (user, host) }
}

extension UnsafePointer<apus_call> {
    /// Of a URI; nil when it is none.
    public func person(_ uri: apus_str) -> Person? {
        guard let parsed = message.parse(uri: uri) else { return nil }
        return Person(user: parsed.user.isNull ? "" : parsed.user, host: parsed.host)
    }

    /// Of the credentials that were found to be right: the user without a domain, and the realm.
    public var authorizedPerson: Person? {
        let value = message.api.pointee.authorized(message.handle)
        guard !value.isNull,
            let credentials = apus_credentials.filled({ message.api.pointee.parse_credentials(value, $0) })
        else { return nil }
        var name = credentials.username
        let user = name.next(UInt8(ascii: "@")) ?? ""
        return user.isEmpty ? nil : Person(user: user, host: credentials.realm)
    }

    /// "sip:user@host" in memory of the run; nil when that is used up.
    public func uri(user: apus_str, host: apus_str) -> apus_str? {
        guard var text = writer(5 + user.len + host.len) else { return nil }
        text.add("sip:")
        text.add(user)
        if !user.isEmpty { text.add("@") }
        text.add(host)
        return text.text
    }
}

extension apus_str {
    /// Without those bytes in front, if it has them.
    public func without(prefix: apus_str) -> apus_str {
        !prefix.isEmpty && hasPrefix(prefix) ? dropFirst(prefix.len) : self
    }
}

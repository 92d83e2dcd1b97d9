import PluginKit

/// The key of an address of record: whose contacts they are (RFC 3261 section 10.3, step 5).
package struct AddressOfRecordRules {
    /// The longest key, bytes.
    package static let longest = 256

    /// The host is part of the key.
    package var hasDomain = false
    /// The case of user parts matters; that of hosts never does.
    package var isCaseSensitive = false
    /// Taken off the front of hosts.
    package var realmPrefix = apus_str()

    package init() {}

    /// Writes the key of a URI: `alice`, or `alice@example.com`.
    package func write(_ uri: apus_uri, to out: inout Writer) -> RegistrationFault? {
        guard uri.scheme == 1 || uri.scheme == 2 else { return .addressOfRecord }
        guard !uri.user.isEmpty || hasDomain else { return .noUser }
        guard add(unescaped: uri.user, to: &out) else { return out.overflowed ? .addressTooLong : .unescaping }
        if hasDomain {
            if !uri.user.isEmpty { out.add(byte: UInt8(ascii: "@")) }
            var host = uri.host
            if !realmPrefix.isEmpty, host.len > realmPrefix.len,
                host[0..<realmPrefix.len].equalsIgnoringCase(realmPrefix)
            {
                host = host.dropFirst(realmPrefix.len)
            }
            for byte in host.bytes { out.add(byte: apus_str.lower(byte)) }
        }
        return out.overflowed || out.count > AddressOfRecordRules.longest ? .addressTooLong : nil
    }

    /// False when there is no room, and when an escape is broken or stands for a control character.
    private func add(unescaped user: apus_str, to out: inout Writer) -> Bool {
        var at = 0
        while at < user.len {
            var byte = user[at]
            if byte == UInt8(ascii: "%") {
                guard at + 2 < user.len, let high = digit(user[at + 1]), let low = digit(user[at + 2]) else {
                    return false
                }
                byte = high << 4 | low
                guard byte >= 0x20, byte != 0x7f else { return false }
                at += 2
            }
            out.add(byte: isCaseSensitive ? byte : apus_str.lower(byte))
            at += 1
        }
        return !out.overflowed
    }

    private func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

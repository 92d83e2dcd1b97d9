import PluginKit
import RoutingKit

// A Contact that leads through this server, with the client's own address in its user part:
// sip:prefix*user*password*host*port*transport@here

/// Fields of such a user part.
private let fieldCount = 6

/// `encode_contact(prefix, host)`
func encodeContact(_ call: Call) -> CInt {
    let message = call.message
    guard message.find("Contact") != nil else { return .false }
    return message.changeContacts { call.encoded($0) } ? .true : .false
}

/// `decode_contact()`: the Request-URI.
func decodeContact(_ call: Call) -> CInt {
    let message = call.message
    guard message.isRequest, let uri = call.decoded(message.field(APUS_FIELD_REQUEST_URI)) else { return .false }
    return message.api.pointee.set_request_uri(message.handle, uri) > 0 ? .true : .false
}

/// `decode_contact_header()`
func decodeContactHeader(_ call: Call) -> CInt {
    let message = call.message
    guard message.find("Contact") != nil else { return .false }
    return message.changeContacts { call.decoded($0) } ? .true : .false
}

extension UnsafePointer<apus_call> {
    private var separator: UInt8 { state.pointee.separator[0] }

    /// nil when it is no sip URI, or the separator stands in one of its parts.
    fileprivate func encoded(_ contact: apus_str) -> apus_str? {
        guard let uri = message.parse(uri: contact), uri.scheme == 1 else { return nil }
        let (prefix, host) = (text(0), text(1))
        guard !host.isEmpty, var writer = writer(contact.len + prefix.len + host.len + 32) else { return nil }
        writer.add("sip:")
        writer.add(prefix)
        let isWhole =
            writer.add(field: uri.user, separator) && writer.add(field: uri.password, separator)
            && writer.add(field: uri.host, separator) && writer.add(field: uri.port, separator)
            && writer.add(field: uri.transport, separator)
        guard isWhole else {
            log(.error, "contact_flds_separator stands in the Contact itself")
            return nil
        }
        writer.add("@")
        writer.add(host)
        return writer.text
    }

    /// What was encoded, with the parameters of the URI that it is in; nil when that is none.
    fileprivate func decoded(_ contact: apus_str) -> apus_str? {
        guard let uri = message.parse(uri: contact), uri.scheme == 1, var writer = writer(contact.len + 32) else {
            return nil
        }
        var rest = uri.user
        guard !rest.isEmpty, rest.bytes.reduce(0, { $0 + ($1 == separator ? 1 : 0) }) == fieldCount - 1 else {
            return nil
        }
        _ = rest.next(separator)
        let user = rest.next(separator) ?? ""
        let password = rest.next(separator) ?? ""
        let host = rest.next(separator) ?? ""
        let port = rest.next(separator) ?? ""
        let transport = rest
        guard !host.isEmpty else { return nil }
        writer.add("sip:")
        if !user.isEmpty {
            writer.add(user)
            if !password.isEmpty { writer.add(":") }
            writer.add(password)
            writer.add("@")
        }
        writer.add(host)
        if !port.isEmpty { writer.add(":") }
        writer.add(port)
        if !transport.isEmpty { writer.add(";transport=") }
        writer.add(transport)
        writer.add(uri.behindHost(in: contact))
        return writer.text
    }
}

extension Writer {
    /// False when the separator stands in the field.
    fileprivate mutating func add(field: apus_str, _ separator: UInt8) -> Bool {
        add(byte: separator)
        add(field)
        return field.index(of: separator) == nil
    }
}

extension apus_uri {
    /// Parameters and headers, as they were written.
    fileprivate func behindHost(in text: apus_str) -> apus_str {
        guard let start = text.s, let last = port.s.map({ $0 + port.len }) ?? host.s.map({ $0 + host.len }) else {
            return ""
        }
        return text.dropFirst(last - start)
    }
}

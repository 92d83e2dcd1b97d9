import PluginKit

/// Bits of the parameter `rich_redirect`.
private let flagsWanted: Int64 = 1
private let pathWanted: Int64 = 2

/// The Contact header of a 3xx: the Request-URI when the script has changed it and has not made it a branch since, then the branches; empty
/// when there is neither.
public func redirection(_ call: Call, rich: Int64) -> apus_str {
    let message = call.message
    let branches = call.host.pointee.branches.pointee
    let target = message.field(APUS_FIELD_REQUEST_URI)
    let changed = branches.is_new(message.handle) > 0 && !target.equals(message.field(APUS_FIELD_ORIGINAL_URI))
    let count = branches.count(message.handle)

    var capacity = 16 + target.len + 16
    for index in 0..<count {
        guard let branch = apus_branch.filled({ branches.get(message.handle, index, $0) }) else { continue }
        capacity += branch.uri.len + 3 * branch.path.len + 64
    }
    guard changed || count > 0, var text = call.writer(capacity) else { return apus_str() }

    text.add("Contact: ")
    let empty = text.count
    if changed {
        text.add("<")
        text.add(target)
        text.add(">")
        text.add(q: branches.request_q(message.handle))
    }
    for index in 0..<count {
        guard let branch = apus_branch.filled({ branches.get(message.handle, index, $0) }) else { continue }
        if text.count > empty { text.add(", ") }
        text.add(branch, rich: rich)
    }
    text.add("\r\n")
    return text.overflowed || text.count == empty + 2 ? apus_str() : text.text
}

extension Writer {
    fileprivate mutating func add(_ branch: apus_branch, rich: Int64) {
        add("<")
        add(branch.uri)
        if rich & pathWanted != 0, !branch.path.isEmpty {
            add(branch.uri.index(of: 0x3f) == nil ? "?Route=" : "&Route=")
            add(escaped: branch.path)
        }
        add(">")
        add(q: branch.q)
        if rich & flagsWanted != 0 {
            add(";flags=")
            add(number: Int64(branch.flags))
        }
    }

    /// As a header's value in a URI (RFC 3261 section 25.1, hvalue).
    private mutating func add(escaped text: apus_str) {
        for byte in text.bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: add(byte: byte)
            default:
                add(byte: 0x25)
                add(byte: hexDigit(byte >> 4))
                add(byte: hexDigit(byte & 15))
            }
        }
    }

    private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value - 10 }
}

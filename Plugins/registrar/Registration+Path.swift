import PluginKit
import Registration
import RoutingKit

extension Plan {
    /// Path (RFC 3327 section 5.3).
    mutating func readPath(_ call: Call, _ settings: Settings) throws(RegistrationFault) {
        guard settings.usesPath != 0 else { return }
        let message = call.message
        var length = 0
        message.eachValue("Path") {
            length += $0.len + 1
            return true
        }
        guard length > 0 else { return }
        guard length <= Int(USRLOC_LONGEST_URI), var writer = call.writer(length) else { throw .path }
        let isWhole = message.eachValue("Path") { value in
            guard let address = message.parse(nameAddr: value), let uri = message.parse(uri: address.uri),
                !address.uri.breaksText
            else { return false }
            if writer.count > 0 {
                writer.add(",")
            } else if settings.pathUsesReceived != 0 {
                pathReceived = call.unescaped(message.parameter("received", in: uri.params) ?? "")
            }
            // A folded value is one line from here on.
            for byte in value.bytes { writer.add(byte: byte < 0x20 ? 0x20 : byte) }
            return true
        }
        guard isWhole, !writer.overflowed else { throw .path }
        path = writer.text
        guard settings.pathMode > 0 else { return }
        repliesPath = message.has(option: "path", in: "Supported")
        if settings.pathMode == 2, !repliesPath { throw .pathUnsupported }
    }
}

extension UnsafePointer<apus_call> {
    /// A URI out of a parameter, where its own parameters had to be escaped; empty when it is none.
    fileprivate func unescaped(_ text: apus_str) -> apus_str {
        guard !text.isEmpty, var writer = writer(text.len) else { return "" }
        var at = 0
        while at < text.len {
            if text[at] == UInt8(ascii: "%"), at + 2 < text.len,
                let byte = withoutCase(text[at + 1..<at + 3])
            {
                writer.add(byte: byte)
                at += 3
            } else {
                writer.add(byte: text[at])
                at += 1
            }
        }
        let uri = writer.text
        return message.parse(uri: uri) == nil || uri.breaksText ? "" : uri
    }

    /// Two hexadecimal digits.
    private func withoutCase(_ digits: apus_str) -> UInt8? {
        var lower = (apus_str.lower(digits[0]), apus_str.lower(digits[1]))
        return withUnsafeBytes(of: &lower) {
            apus_str(start: $0.baseAddress?.assumingMemoryBound(to: UInt8.self), count: 2).hex
        }
        .flatMap { UInt8(exactly: $0) }
    }
}

extension apus_str {
    /// Something in it ends an angle bracket, a quoted string or a line, where it is to stand.
    var breaksText: Bool {
        for byte in bytes {
            switch byte {
            case 0...0x20, 0x7f, UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"):
                return true
            default: break
            }
        }
        return false
    }
}

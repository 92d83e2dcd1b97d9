import Glibc
import PluginAPI

/// `{s.escape.…}`, `{s.unescape.…}`, `{s.urlencode.param}`; lines and dates.
extension Transformations {
    static func declareEscapes(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.escape.common") { $0.onText($1, $2) { $0.escapeCommon($1) } }
        try declare.operation("s.unescape.common") { $0.onText($1, $2) { $0.unescapeCommon($1) } }
        try declare.operation("s.escape.crlf") { $0.onText($1, $2) { $0.escapeLineEnds($1) } }
        try declare.operation("s.unescape.crlf") { $0.onText($1, $2) { $0.unescapeLineEnds($1) } }
        try declare.operation("s.escape.user") {
            $0.onText($1, $2) { call, text in
                call.compose(3 * text.count) { text.escape(into: &$0, allowed: ByteSet.user.withoutPercent) }
            }
        }
        try declare.operation("s.escape.param") {
            $0.onText($1, $2) { call, text in
                call.compose(3 * text.count) { text.escape(into: &$0, allowed: ByteSet.uriParameter) }
            }
        }
        try declare.operation("s.unescape.user") {
            $0.onText($1, $2) { call, text in call.compose(text.count) { text.unescape(into: &$0) } }
        }
        try declare.operation("s.unescape.param") {
            $0.onText($1, $2) { call, text in call.compose(text.count) { text.unescape(into: &$0) } }
        }
        try declare.operation("s.escape.csv") { $0.onText($1, $2) { $0.escapeCSV($1) } }
        try declare.operation("s.urlencode.param") { $0.onText($1, $2) { $0.encodeURL($1) } }
        try declare.operation("s.urldecode.param") { $0.onText($1, $2) { $0.decodeURL($1) } }
    }

    static func declareLayout(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.ftime", [.rest], "format") { access, step, value in
            guard !value.pointee.isNull else { return -1 }
            let call = TransformationCall(access, step, value)
            guard let format = call.text(0) else { return -1 }
            var seconds = time_t(value.pointee.int)
            var parts = tm()
            guard localtime_r(&seconds, &parts) != nil else { return -1 }
            return call.give(access.run.format(parts, format))
        }
        try declare.operation("s.fmtlines", [.int, .int], "length,spaces") {
            $0.onText($1, $2) { $0.breakLines($1, indent: 32) }
        }
        try declare.operation("s.fmtlinet", [.int, .int], "length,tabs") {
            $0.onText($1, $2) { $0.breakLines($1, indent: 9) }
        }
    }
}

extension ByteSet {
    fileprivate var withoutPercent: ByteSet { ByteSet(low: low & ~(1 << 37), high: high) }

    /// RFC 3261 `paramchar` but for escapes.
    fileprivate static var uriParameter: ByteSet { ByteSet(low: 0x07ff_efd2_0000_0000, high: 0x47ff_fffe_afff_fffe) }
}

extension TransformationCall {
    fileprivate func escapeCommon(_ text: Bytes) -> CInt {
        compose(2 * text.count) { out in
            for index in 0..<text.count {
                switch text[index] {
                case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    out.write("\\")
                    out.write(byte: text[index])
                case 0: out.write("\\0")
                default: out.write(byte: text[index])
                }
            }
        }
    }

    fileprivate func unescapeCommon(_ text: Bytes) -> CInt {
        compose(text.count) { out in
            var at = 0
            while at < text.count {
                if text[at] == UInt8(ascii: "\\"), at + 1 < text.count {
                    switch text[at + 1] {
                    case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"):
                        out.write(byte: text[at + 1])
                        at += 2
                        continue
                    case UInt8(ascii: "0"):
                        out.write(byte: 0)
                        at += 2
                        continue
                    default: break
                    }
                }
                out.write(byte: text[at])
                at += 1
            }
        }
    }

    fileprivate func escapeLineEnds(_ text: Bytes) -> CInt {
        compose(2 * text.count) { out in
            for index in 0..<text.count {
                switch text[index] {
                case 13: out.write("\\r")
                case 10: out.write("\\n")
                default: out.write(byte: text[index])
                }
            }
        }
    }

    fileprivate func unescapeLineEnds(_ text: Bytes) -> CInt {
        compose(text.count) { out in
            var at = 0
            while at < text.count {
                let next = at + 1 < text.count && text[at] == UInt8(ascii: "\\") ? text[at + 1] : 0
                if next == UInt8(ascii: "r") || next == UInt8(ascii: "n") {
                    out.write(byte: next == UInt8(ascii: "r") ? 13 : 10)
                    at += 2
                } else {
                    out.write(byte: text[at])
                    at += 1
                }
            }
        }
    }

    /// RFC 4180: in quotes, quotes inside doubled.
    fileprivate func escapeCSV(_ text: Bytes) -> CInt {
        compose(2 * text.count + 2) { out in
            out.write("\"")
            for index in 0..<text.count {
                if text[index] == UInt8(ascii: "\"") { out.write("\"") }
                out.write(byte: text[index])
            }
            out.write("\"")
        }
    }

    /// As forms are encoded: a space is a plus sign.
    fileprivate func encodeURL(_ text: Bytes) -> CInt {
        // RFC 3986 `unreserved`.
        let allowed = ByteSet(low: 0x03ff_6000_0000_0000, high: 0x47ff_fffe_87ff_fffe)
        return compose(3 * text.count) { text.escape(into: &$0, allowed: allowed) }
    }

    fileprivate func decodeURL(_ text: Bytes) -> CInt {
        compose(text.count) { out in
            var at = 0
            while at < text.count {
                let (byte, next) = text.unescaped(at)
                out.write(byte: text[at] == UInt8(ascii: "+") ? 32 : byte)
                at = next
            }
        }
    }

    /// Lines of so many bytes, parted by CRLF; all but the first indented.
    fileprivate func breakLines(_ text: Bytes, indent: UInt8) -> CInt {
        guard let length = int(0), let count = int(1), length > 0, count >= 0, count <= 1024 else { return -1 }
        let line = Int(min(length, Int64(max(1, text.count))))
        let breaks = max(0, text.count - 1) / line
        let (size, overflow) = breaks.multipliedReportingOverflow(by: Int(count) + 2)
        guard !overflow, size < 1 << 30 else { return -1 }
        return compose(text.count + size) { out in
            var at = 0
            while at < text.count {
                if at > 0 {
                    out.write("\r\n")
                    for _ in 0..<count { out.write(byte: indent) }
                }
                let end = min(at + line, text.count)
                out.write(text[at..<end])
                at = end
            }
        }
    }
}

import PluginKit
import RoutingKit

/// How the parameters of a value are written.
enum ParameterStyle {
    /// `value;a=b;c`
    case semicolons
    /// `Digest a=b, c="d"`, as in Authorization
    case commas

    var separator: UInt8 { self == .semicolons ? UInt8(ascii: ";") : UInt8(ascii: ",") }
}

/// A parameter found in a value, by places in that value.
struct FoundParameter {
    /// `name=value`
    var range: Range<Int>
    /// Without its quotes; "" when it has none.
    var value: apus_str
    /// What to remove with it: its own separator, or the one behind it when it is the first.
    var removal: Range<Int>
}

extension apus_str {
    /// The parameter of that name. In a name out of a select, `_` stands for `-` as well.
    func parameter(_ name: apus_str, _ style: ParameterStyle, inSelect: Bool = false) -> FoundParameter? {
        var start = style == .semicolons ? end(of: style.separator) : schemeEnd
        var isFirst = style == .commas
        while start < len {
            let from = isFirst ? start : start + 1
            let next = end(of: style.separator, from: from)
            let piece = from < next ? self[from..<next].trimmed : self[next..<next]
            let low = piece.s.unsafelyUnwrapped - s.unsafelyUnwrapped
            let range = low..<low + piece.len
            let equal = piece.index(of: UInt8(ascii: "=")) ?? piece.len
            if piece[0..<equal].trimmed.isNamed(name, inSelect: inSelect) {
                var removal = start..<range.upperBound
                if isFirst { removal = range.lowerBound..<afterBlanks(Swift.min(next + 1, len)) }
                return FoundParameter(
                    range: range, value: piece.dropFirst(equal + 1).trimmed.withoutQuotes, removal: removal)
            }
            start = next
            isFirst = false
        }
        return nil
    }

    /// Where the parameters behind a scheme begin: all of it is parameters when it begins with one.
    private var schemeEnd: Int {
        var end = 0
        while end < len, !apus_str.isBlank(self[end]) {
            if self[end] == UInt8(ascii: "=") || self[end] == UInt8(ascii: ",") { return 0 }
            end += 1
        }
        return afterBlanks(end)
    }

    private func afterBlanks(_ from: Int) -> Int {
        var at = from
        while at < len, apus_str.isBlank(self[at]) { at += 1 }
        return at
    }

    func isNamed(_ name: apus_str, inSelect: Bool) -> Bool {
        guard inSelect else { return equalsIgnoringCase(name) }
        return len == name.len
            && bytes.elementsEqual(name.bytes) {
                apus_str.lower($0) == apus_str.lower($1) || ($0 == UInt8(ascii: "-") && $1 == UInt8(ascii: "_"))
            }
    }

    /// What stands between its quotes, as it was written.
    var withoutQuotes: apus_str {
        len >= 2 && self[0] == UInt8(ascii: "\"") && self[len - 1] == UInt8(ascii: "\"") ? self[1..<len - 1] : self
    }
}

extension UnsafePointer<apus_call> {
    func removeParameter(_ value: apus_str, _ style: ParameterStyle) -> CInt {
        guard let found = value.parameter(path.parameter, style) else { return .false }
        return edited(message.replace(value[found.removal], with: ""))
    }

    /// Changes the parameter, or adds it.
    func assignParameter(_ value: apus_str, _ style: ParameterStyle) -> CInt {
        let (name, assigned) = (path.parameter, text(1))
        guard var text = writer(name.len + assigned.len + 2) else { return .false }
        let found = value.parameter(name, style)
        if found == nil { text.add(byte: style.separator) }
        text.add(name)
        if !assigned.isEmpty {
            text.add("=")
            text.add(assigned)
        }
        guard let found else { return edited(message.insert(text.text, at: value.end)) }
        return edited(message.replace(value[found.range], with: text.text))
    }
}

/// Periods of time in seconds: Expires, Min-Expires, the `expires` parameter of Contact, Session-Expires, Retry-After (RFC 3261
/// `delta-seconds`, 0 to 2^32-1).
extension Message {
    /// The number of Expires; nil when there is none or it is no number (an old date, for one), which a registrar then takes as its
    /// default (RFC 3261 §20.19, §10.3).
    var expires: UInt32? { value(.expires)?.uint32 }

    var minExpires: UInt32? { value(.minExpires)?.uint32 }

    /// Retry-After without its comment and parameters.
    var retryAfter: UInt32? { value(.retryAfter).flatMap { $0.prefix($0.end(of: .digit)).uint32 } }
}

extension NameAddr {
    /// The `expires` parameter of a Contact; nil when it is absent or no number.
    var expires: UInt32? { parameters["expires"]?.uint32 }

    /// The `q` parameter of a Contact in thousandths, 0 to 1000; nil when it is absent or no `qvalue` (RFC 3261 §25.1).
    var q: Int16? { parameters["q"].flatMap { $0.qvalue } }
}

extension Bytes {
    /// `0`, `0.5`, `1.000` in thousandths; nil for anything else.
    var qvalue: Int16? {
        guard count >= 1, count <= 5, self[0] == 48 || self[0] == 49, count == 1 || self[1] == UInt8(ascii: ".") else {
            return nil
        }
        var value = Int16(self[0] - 48) * 1000
        var weight: Int16 = 100
        var at = 2
        while at < count {
            guard self[at].isASCIIDigit else { return nil }
            value += Int16(self[at] - 48) * weight
            weight /= 10
            at += 1
        }
        return value <= 1000 ? value : nil
    }
}

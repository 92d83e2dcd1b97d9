import PluginKit

/// How long bindings last, in seconds: what a registrar's parameters make of what a phone asks for (RFC 3261 sections 10.2.1.1 and 10.3).
package struct ExpiresRules: Equatable {
    /// Where the request says nothing, or nothing that is a number.
    package var initial: Int64 = 3600
    /// Percent by which `initial` may be less, at random, so that phones do not all come back at once.
    package var initialSpread: Int64 = 0
    /// The same of what the request asks for.
    package var spread: Int64 = 0
    /// Shorter periods are raised to it; 0: none are.
    package var least: Int64 = 0
    /// Longer periods are cut to it; 0: none are.
    package var most: Int64 = 0
    /// Shorter periods are refused instead (RFC 3261 section 21.4.17).
    package var refusesBrief = false

    package init() {}

    package enum Period: Equatable {
        /// 0: the binding ends.
        case seconds(Int64)
        case tooBrief
    }

    /// The period of one contact.
    /// - Parameters:
    ///   - parameter: its `expires`; nil when it has none.
    ///   - header: the request's Expires; nil when it has none.
    ///   - random: decides within the spread; nil: the period is not spread.
    package func period(parameter: apus_str?, header: UInt32?, random: UInt64?) -> Period {
        var wanted = initial
        var percent = initialSpread
        if let parameter {
            // What is no number is as if there were none; the header does not stand in (RFC 3261 section 10.2.1.1).
            if let seconds = parameter.deltaSeconds { (wanted, percent) = (Int64(seconds), spread) }
        } else if let header {
            (wanted, percent) = (Int64(header), spread)
        }
        guard wanted > 0 else { return .seconds(0) }
        if wanted < least {
            guard !refusesBrief else { return .tooBrief }
            wanted = least
        }
        if most > 0, wanted > most { wanted = most }
        if let random, percent > 0 {
            wanted -= Int64(random % UInt64(wanted * percent / 100 + 1))
        }
        return .seconds(max(wanted, least, 1))
    }
}

extension apus_str {
    /// A period of time in seconds, all of the text (RFC 3261 section 25.1, delta-seconds); nil for anything else.
    package var deltaSeconds: UInt32? {
        guard len > 0, len <= 10 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard byte &- 0x30 <= 9 else { return nil }
            value = value * 10 + UInt64(byte &- 0x30)
        }
        return UInt32(exactly: value)
    }
}

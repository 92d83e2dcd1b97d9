/// Session-Expires and Min-SE (RFC 4028): seconds with parameters.
struct SessionExpires {
    enum Refresher: UInt8 {
        case unknown, uac, uas
    }

    var seconds: UInt32
    var refresher: Refresher

    static func parse(_ text: Bytes) -> SessionExpires? {
        let digits = text.end(of: .digit)
        guard let seconds = text.prefix(digits).uint32 else { return nil }
        let params = text.skipSpace(from: digits)
        guard params == text.count || text[params] == UInt8(ascii: ";") else { return nil }
        var refresher = Refresher.unknown
        if let value = Parameters(text.dropFirst(params))["refresher"] {
            if value.equalsIgnoringCase("uac") { refresher = .uac }
            if value.equalsIgnoringCase("uas") { refresher = .uas }
        }
        return SessionExpires(seconds: seconds, refresher: refresher)
    }
}

extension Message {
    var sessionExpires: SessionExpires? { value(.sessionExpires).flatMap { SessionExpires.parse($0) } }
    /// The seconds of Min-SE.
    var minSE: UInt32? { value(.minSE).flatMap { SessionExpires.parse($0) }?.seconds }
}

/// SIP URIs as words of the command line.
enum SIPAddress {
    /// `sip:` or `sips:`, and nothing that could end a header.
    static func check(_ uri: String) throws(Failure) {
        let lower = uri.lowercased()
        let hasScheme = lower.hasPrefix("sip:") || lower.hasPrefix("sips:")
        guard hasScheme, uri.last != ":",
            uri.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 && !"<>\"".unicodeScalars.contains($0) })
        else { throw .usage("`\(uri)` is no SIP address: sip:user@host") }
    }
}

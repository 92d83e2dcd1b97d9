/// Replaces, Join and Target-Dialog (RFC 3891, RFC 3911, RFC 4538): a Call-ID with the two tags of a dialog.
struct DialogReference {
    var callID: Bytes
    /// `to-tag`, in Target-Dialog `remote-tag` or `local-tag` as its sender sees it: see `parameters`.
    var toTag: Bytes?
    var fromTag: Bytes?
    var isEarlyOnly: Bool
    var params: Bytes

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    static func parse(_ text: Bytes) -> DialogReference? {
        let end = text.firstIndex(of: UInt8(ascii: ";")) ?? text.count
        let callID = text.prefix(end).trimmed
        guard !callID.isEmpty, callID.isPrinting else { return nil }
        let parameters = Parameters(text.dropFirst(end))
        return DialogReference(
            callID: callID, toTag: parameters["to-tag"], fromTag: parameters["from-tag"],
            isEarlyOnly: parameters.first("early-only") != nil, params: parameters.text)
    }
}

extension Message {
    var replaces: DialogReference? { value(.replaces).flatMap { DialogReference.parse($0) } }
    var join: DialogReference? { value(.join).flatMap { DialogReference.parse($0) } }
}

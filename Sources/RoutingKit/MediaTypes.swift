import PluginKit

extension apus_str {
    /// A Content-Type, whose parameters do not count.
    public func isMediaType(_ type: apus_str) -> Bool {
        var value = self
        return (value.next(UInt8(ascii: ";")) ?? "").trimmed.equalsIgnoringCase(type)
    }
}

extension Message {
    /// The session description: the body, or the first part of one that has it; nil when there is none.
    public var sdp: apus_str? {
        let body = part(APUS_PART_BODY)
        let type = field(APUS_FIELD_CONTENT_TYPE)
        if body.isEmpty { return nil }
        if type.isMediaType("application/sdp") { return body }
        var index: UInt32 = 0
        while let part = apus_body_part.filled({ api.pointee.body_part(body, type, index, $0) }) {
            if part.type.isMediaType("application/sdp") { return part.body }
            index += 1
        }
        return nil
    }
}

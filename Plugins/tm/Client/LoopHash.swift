import PluginKit

// Invariants: pure functions over one message; nothing is kept.

extension UnsafeMutablePointer<Home> {
    /// A hash over what decides where a request goes: Request-URI as received, Route set, tags, Call-ID, CSeq and the listener that it came
    /// to (RFC 3261 section 16.6, step 8, as RFC 5393 section 4.2.1 has it). Equal for a request that comes back unchanged. 32 bits.
    func loopHash(of message: OpaquePointer) -> UInt64 {
        let api = messages
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        hash.mix(api.pointee.field(message, UInt32(APUS_FIELD_ORIGINAL_URI)))
        hash.mix(api.pointee.field(message, UInt32(APUS_FIELD_CALL_ID)))
        hash.mix(api.pointee.field(message, UInt32(APUS_FIELD_FROM_TAG)))
        hash.mix(api.pointee.field(message, UInt32(APUS_FIELD_TO_TAG)))
        hash.mix(api.pointee.field(message, UInt32(APUS_FIELD_CSEQ_NUMBER)))
        hash.mix(UInt64(api.pointee.method(message)))
        hash.mix(UInt64(UInt(bitPattern: api.pointee.received_on(message).map { UnsafeRawPointer($0) })))
        var at: UInt32 = 0
        while let route = apus_header.filled({ api.pointee.find(message, "Route", at, $0) }) {
            hash.mix(route.value)
            at = route.index + 1
        }
        return (hash ^ hash &>> 32) & 0xffff_ffff
    }

    /// Whether the request has been here before with that hash: one of the Vias below is ours and carries it.
    func hasPassed(_ message: OpaquePointer, _ hash: UInt64) -> Bool {
        let api = messages
        var index: UInt32 = 0
        while let via = apus_via.filled({ api.pointee.via(message, index, $0) }) {
            if let identity = Identity(via.branch), identity.loopHash == hash { return true }
            index += 1
        }
        return false
    }
}

extension UInt64 {
    @inline(__always)
    fileprivate mutating func mix(_ word: UInt64) {
        self = (self ^ word) &* 0x9e37_79b9_7f4a_7c15
        self ^= self &>> 29
    }

    fileprivate mutating func mix(_ text: apus_str) {
        mix(UInt64(text.len))
        guard let start = UnsafeRawPointer(text.s) else { return }
        var at = 0
        while at + 8 <= text.len {
            mix(start.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        var last: UInt64 = 0
        while at < text.len {
            last = last &<< 8 | UInt64(start.load(fromByteOffset: at, as: UInt8.self))
            at += 1
        }
        mix(last)
    }
}

/// Characters that the config allows where RFC 3261 does not (hdr_name_extra_chars, uri_host_extra_chars): looked at only when a text is refused
/// without them. Written before the workers start and constant afterwards.
struct ExtraCharacters {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    nonisolated(unsafe) static var inHeaderNames = ExtraCharacters()
    nonisolated(unsafe) static var inHosts = ExtraCharacters()

    init() {}

    /// Printing ASCII characters; others are left out, and so is what parts a header or URI.
    init(_ text: String) {
        for byte in text.utf8 where byte > 0x20 && byte < 0x7f && !":;?@<>\",/[]".utf8.contains(byte) {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
        }
    }

    /// The set with them; nil when there are none.
    @_noLocks
    func joined(with set: ByteSet) -> ByteSet? {
        low | high == 0 ? nil : ByteSet(low: set.low | low, high: set.high | high)
    }

    /// The index of the first byte at or after `from` that is neither in the set nor one of them; nil when there are none of them.
    @_noLocks
    func end(of set: ByteSet, _ text: Bytes, from: Int) -> Int? {
        joined(with: set).map { text.end(of: $0, from: from) }
    }
}

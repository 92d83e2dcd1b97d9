/// One header line of a message, as the first pass found it. Offsets count from the message's first byte.
struct Header {
    /// Where the name begins, which is where the line begins.
    var start: UInt32
    /// After the line's last CRLF, folded lines included.
    var end: UInt32
    /// The value without the white space around it. Folded lines keep their line breaks inside: see `Bytes.unfold`.
    var value: Slice
    var nameCount: UInt16
    /// 1 + the index of the next header with the same id, 0 at the last; chains all lines of a kind.
    var next: UInt16
    var id: HeaderID
    var isFolded: Bool

    @inline(__always)
    var name: Slice { Slice(offset: start, count: UInt32(nameCount)) }
}

// Invariants: the tables are static text with one byte an entry, at least as long as the largest index that the masks below allow.

/// From a header field's name to its id, without a global that would have to be initialised.
///
/// A perfect hash over four letters and the length; a unit test recomputes the table from `HeaderID.name`.
enum HeaderName {
    /// Bytes of the longest name that has an id.
    static var longest: Int { 31 }

    /// The id of a header field's name in any case, compact forms (RFC 3261 §7.3.3) included.
    @_noLocks
    static func id(of name: Bytes) -> HeaderID {
        if name.count <= 1 { return name.isEmpty ? .other : compact(name[0]) }
        guard let id = HeaderID(rawValue: table.utf8Start[hash(name)]), name.equalsIgnoringCase(id.name) else {
            return .other
        }
        return id
    }

    @inline(__always)
    private static func compact(_ letter: UInt8) -> HeaderID {
        guard letter.isASCIILetter else { return .other }
        return HeaderID(rawValue: compactTable.utf8Start[Int((letter | 0x20) &- 97)]) ?? .other
    }

    /// The index in `table` for a name of at least two bytes.
    @inline(__always)
    static func hash(_ name: Bytes) -> Int {
        let n = name.count
        let sum =
            UInt32(name[0] | 0x20) &* 55099 &+ UInt32(name[n &- 1] | 0x20) &* 48399
            &+ UInt32(name[n &>> 1] | 0x20) &* 35615 &+ UInt32(name[n &>> 2] | 0x20) &* 42869
            &+ UInt32(truncatingIfNeeded: n) &* 23588
        return Int(sum &>> 7) & 511
    }

    /// The ids of the one-letter names a to z.
    private static var compactTable: StaticString {
        "\u{1d}\u{32}\u{9}\u{1f}\u{21}\u{2}\0\0\u{4}\u{1e}\u{16}\u{8}\u{6}\u{45}\u{26}\0\0\u{31}\u{39}\u{3}\u{19}\u{1}\0\u{2a}\u{44}\0"
    }

    private static var table: StaticString {
        """
        \0\0\0\0\0\u{39}\u{21}\u{4f}\0\0\0\0\u{1a}\0\u{25}\0\0\0\0\u{3b}\0\u{51}\0\0\u{1f}\0\0\0\0\0\u{9}\0\
        \0\0\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{57}\0\0\0\0\0\0\0\0\0\0\0\
        \u{1d}\0\0\u{33}\0\0\0\0\0\0\u{10}\0\0\u{23}\0\0\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\0\
        \0\0\u{5a}\0\0\0\u{54}\0\0\0\0\0\0\0\0\0\0\0\0\0\u{38}\0\0\u{4b}\0\u{5}\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\u{17}\0\0\u{59}\u{42}\u{7}\u{5d}\0\0\0\0\0\0\0\0\u{19}\0\u{1b}\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\u{41}\0\0\0\0\0\0\u{22}\0\0\0\0\0\0\0\0\0\u{16}\0\0\u{46}\0\0\u{31}\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{4a}\0\0\u{8}\0\u{37}\0\u{1e}\u{3}\0\u{a}\0\0\0\0\0\u{20}\
        \0\0\0\0\0\0\0\0\0\u{26}\0\0\0\u{35}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\u{58}\0\u{3f}\u{3e}\0\0\0\0\0\0\u{2b}\0\0\0\0\0\0\0\0\u{5f}\u{3d}\0\0\0\u{28}\u{c}\0\0\
        \u{52}\0\0\u{36}\u{18}\u{27}\0\0\0\0\0\0\u{2}\0\0\u{2c}\0\0\0\0\0\u{14}\0\0\0\0\0\0\0\0\0\u{44}\
        \u{11}\u{3a}\u{34}\0\0\0\0\0\0\0\0\u{3c}\0\u{4d}\0\0\0\0\0\0\0\0\0\0\0\u{4c}\0\0\0\u{5b}\u{50}\0\
        \u{30}\0\u{2a}\0\u{13}\0\u{49}\u{4e}\0\0\0\0\0\0\0\u{40}\0\0\0\0\0\0\0\u{53}\u{e}\0\u{2d}\0\0\0\u{4}\0\
        \0\0\0\0\0\0\0\0\0\u{55}\u{5c}\0\0\0\0\0\u{48}\0\u{2f}\0\0\0\0\0\0\u{5e}\0\u{47}\0\0\0\0\
        \0\0\u{b}\0\0\0\0\0\0\0\0\0\u{32}\0\0\0\0\0\u{29}\0\u{56}\0\0\0\0\0\u{43}\0\0\0\0\0\
        \0\0\u{15}\0\0\0\0\0\0\0\0\u{24}\u{f}\0\0\u{d}\0\0\0\0\0\0\0\u{12}\0\u{45}\0\0\u{2e}\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{1c}\0\0\0\0\0\0\0\0\0\0\0\0\0\0
        """
    }
}

import DigestKit
import PluginKit

/// The algorithms of a challenge, in the order in which they are offered: up to four, four bits each.
struct Algorithms {
    private(set) var packed: UInt16 = 0

    init() {}
    init(packed: UInt16) { self.packed = packed }

    /// Names with commas between them, in any order: the strongest is offered first (RFC 8760 section 2.4). Nil when one is unknown.
    init?(_ names: apus_str) {
        var rest = names
        var set: UInt8 = 0
        while let name = rest.next(UInt8(ascii: ",")) {
            guard let algorithm = DigestAlgorithm(name.trimmed) else { return nil }
            set |= algorithm.bit
        }
        var shift: UInt16 = 0
        for raw in stride(from: DigestAlgorithm.sha512.rawValue, through: DigestAlgorithm.md5.rawValue, by: -1) {
            guard let algorithm = DigestAlgorithm(rawValue: raw), set & algorithm.bit != 0 else { continue }
            packed |= UInt16(truncatingIfNeeded: raw) << shift
            shift += 4
        }
    }

    var isEmpty: Bool { packed == 0 }

    /// The i-th, from 0; nil behind the last.
    subscript(_ index: Int) -> DigestAlgorithm? {
        index < 4 ? DigestAlgorithm(rawValue: UInt32(packed >> UInt16(4 * index) & 15)) : nil
    }

    /// Bits of `DigestAlgorithm`; MD5 when nothing is said.
    var bits: UInt8 {
        var bits: UInt8 = 0
        var index = 0
        while let algorithm = self[index] {
            bits |= algorithm.bit
            index += 1
        }
        return bits == 0 ? DigestAlgorithm.md5.bit : bits
    }
}

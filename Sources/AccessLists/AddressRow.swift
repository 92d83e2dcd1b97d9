import PluginKit

/// Whom a row of addresses means.
package enum AddressPattern: Hashable, Sendable {
    /// The addresses that begin with so many bits of this one: all of them mean one host.
    case network(NetworkAddress, bits: UInt8)
    /// A name, which is compared and never looked up.
    case name(String)
}

/// An IPv4 or IPv6 address as two numbers, the first bit of it being the highest of `high`.
package struct NetworkAddress: Hashable, Sendable {
    package let isIPv6: Bool
    package let high: UInt64
    package let low: UInt64

    /// Bits of an address.
    package var width: UInt8 { isIPv6 ? 128 : 32 }

    package init(isIPv6: Bool, high: UInt64, low: UInt64) { (self.isIPv6, self.high, self.low) = (isIPv6, high, low) }

    /// Nil when it is none.
    package init?(_ address: apus_address) {
        guard address.family != 0 else { return nil }
        let words = withUnsafeBytes(of: address.ip) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        // Only the first four bytes of IPv4 mean something.
        isIPv6 = address.family == 6
        high = isIPv6 ? words.0 : words.0 & 0xffff_ffff_0000_0000
        low = isIPv6 ? words.1 : 0
    }

    /// As the contract has it, without a port.
    package var address: apus_address {
        var address = apus_address()
        address.family = isIPv6 ? 6 : 4
        withUnsafeMutableBytes(of: &address.ip) { bytes in
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }

    /// With zeros behind so many bits.
    package func prefix(_ bits: UInt8) -> NetworkAddress {
        let (first, second) = (min(bits, 64), bits > 64 ? bits - 64 : 0)
        return NetworkAddress(
            isIPv6: isIPv6, high: first == 0 ? 0 : high & (~0 << UInt64(64 - first)),
            low: second == 0 ? 0 : low & (~0 << UInt64(64 - second)))
    }
}

/// One row of the table, or line of the file, of addresses.
package struct AddressRow: Equatable, Sendable {
    /// From 1 on.
    package let group: Int32
    package let pattern: AddressPattern
    /// 0: any.
    package let port: UInt16
    /// Nil: none.
    package let tag: String?

    package init(group: Int32, pattern: AddressPattern, port: UInt16, tag: String?) {
        (self.group, self.pattern, self.port, self.tag) = (group, pattern, port, tag)
    }

    /// Why values are no row.
    package struct Mistake: Error, Equatable {
        package let text: String

        init(_ text: String) { self.text = text }
    }

    /// Of the values of a row.
    /// - Parameters:
    ///   - address: with `/bits` behind it, if one likes, which counts more than `bits`.
    ///   - bits: 0, or none: all.
    ///   - parse: `net->parse_address`.
    package init(
        group: Int64?, address: String, bits: Int64?, port: Int64?, tag: String?,
        parse: (String) -> NetworkAddress?
    ) throws(Mistake) {
        guard let group, 1...Int64(Int32.max) ~= group else { throw Mistake("the group is a number from 1 on") }
        guard 0...65535 ~= port ?? 0 else { throw Mistake("the port is 0 to 65535, not \(port ?? 0)") }
        guard !address.isEmpty else { throw Mistake("there is no address") }
        let parts = address.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var bits = bits ?? 0
        if parts.count == 2 {
            guard let said = Int64(parts[1]) else { throw Mistake("`\(parts[1])` is no number of bits") }
            bits = said
        }
        let pattern: AddressPattern
        if let network = parse(parts[0]) {
            guard 0...Int64(network.width) ~= bits else {
                throw Mistake("the mask of `\(parts[0])` is 0 to \(network.width), not \(bits)")
            }
            // The documented meaning of 0 in the table; `/0` says what it says.
            let used = bits == 0 && parts.count == 1 ? network.width : UInt8(bits)
            pattern = .network(network.prefix(used), bits: used)
        } else if parts.count == 1, AddressRow.isName(address) {
            pattern = .name(address)
        } else {
            throw Mistake("`\(address)` is neither an address nor a name")
        }
        self.init(group: Int32(group), pattern: pattern, port: UInt16(port ?? 0), tag: tag)
    }

    /// Letters, digits, dots, hyphens and underscores.
    private static func isName(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}

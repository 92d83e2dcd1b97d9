import PluginKit
import RoutingKit

// Invariants: pure functions over texts that the caller owns.

/// What the branch parameter of our Vias says: which transaction and branch a reply belongs to. Nobody can make one up, since the secret
/// is 64 random bits that only the next hop has seen.
///
///     z9hG4bKa <place, hex> . <secret, 16 hex digits> . <branch, hex> [. <loop hash, hex>]
struct Identity {
    var place: UInt32
    var secret: UInt64
    var branch: UInt32
    /// Of the fields that decide where the request goes (RFC 3261 section 16.6, step 8): equal in a request that comes back unchanged.
    var loopHash: UInt64?

    /// Bytes that `write` needs at most.
    static let longest = 64
    static let cookie: StaticString = "z9hG4bKa"

    /// From a branch parameter; nil when we did not write it.
    init?(_ text: apus_str) {
        var rest = text
        guard rest.hasPrefix(apus_str(stringLiteral: Identity.cookie)) else { return nil }
        rest = rest.dropFirst(8)
        guard let placeText = rest.next(0x2e), let place = placeText.hex, place <= UInt64(UInt32.max),
            let secretText = rest.next(0x2e), secretText.len == 16, let secret = secretText.hex,
            let branchText = rest.next(0x2e), let branch = branchText.hex, branch <= 0xffff
        else { return nil }
        self.place = UInt32(place)
        self.secret = secret
        self.branch = UInt32(branch)
        loopHash = rest.isEmpty ? nil : rest.hex
    }

    init(place: UInt32, secret: UInt64, branch: UInt32, loopHash: UInt64? = nil) {
        self.place = place
        self.secret = secret
        self.branch = branch
        self.loopHash = loopHash
    }

    func write(to out: inout Writer) {
        out.add(apus_str(stringLiteral: Identity.cookie))
        out.add(hex: UInt64(place))
        out.add(byte: 0x2e)
        out.add(hex: secret, width: 16)
        out.add(byte: 0x2e)
        out.add(hex: UInt64(branch))
        guard let loopHash else { return }
        out.add(byte: 0x2e)
        out.add(hex: loopHash)
    }
}

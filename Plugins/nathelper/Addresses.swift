import PluginKit
import RoutingKit

extension UnsafePointer<apus_host> {
    /// The address that a host is; nil for a name.
    func address(_ host: apus_str) -> apus_address? {
        var address = apus_address()
        return pointee.net.pointee.parse_address(host, &address) > 0 ? address : nil
    }
}

extension apus_address {
    /// IPv4 that no router of the Internet knows: RFC 1918, RFC 6598, and of 192.0.0.0/24 the first eight addresses (RFC 7335), or in mode 1 all.
    func isPrivate(mode: Int64) -> Bool {
        guard family == 4 else { return false }
        switch ip.0 {
        case 10: return true
        case 172: return ip.1 & 0xf0 == 16
        case 192: return ip.1 == 168 || (ip.1 == 0 && ip.2 == 0 && (mode == 1 || ip.3 < 8))
        case 100: return ip.1 & 0xc0 == 64
        default: return false
        }
    }
}

/// `is_rfc1918(address)`
func isPrivateAddress(_ call: Call) -> CInt {
    guard !call.text(0).isEmpty else { return call.fail("an address is wanted") }
    return call.host.address(call.text(0))?.isPrivate(mode: call.state.pointee.addressMode) == true ? .true : .false
}

import CLinux
import Glibc

/// An address of a network interface, as `getifaddrs` tells at start.
struct InterfaceAddress {
    let interface: String
    let address: SocketAddress
    let isUp: Bool
    let isLoopback: Bool

    /// All IPv4 and IPv6 addresses of this machine; IPv6 link-local ones carry their scope.
    static func all() throws(SystemError) -> [InterfaceAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { throw SystemError(code: errno) }
        defer { freeifaddrs(list) }
        var found: [InterfaceAddress] = []
        var entry = list
        while let this = entry {
            entry = this.pointee.ifa_next
            guard let raw = this.pointee.ifa_addr, let address = SocketAddress(raw) else { continue }
            let flags = this.pointee.ifa_flags
            found.append(
                InterfaceAddress(
                    interface: String(cString: this.pointee.ifa_name), address: address,
                    isUp: flags & UInt32(IFF_UP) != 0, isLoopback: flags & UInt32(IFF_LOOPBACK) != 0))
        }
        return found
    }

    /// The kernel's number of an interface; nil for an unknown one.
    static func index(of interface: String) -> UInt32? {
        let index = if_nametoindex(interface)
        return index == 0 ? nil : index
    }
}

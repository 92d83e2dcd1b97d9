import CLinux
import Glibc
import Testing

@testable import Core

/// Look-ups by threads that may wait.
@Suite struct HostLookupTests {
    @Test(arguments: [(300, 300), (1, 5)] as [(UInt32, UInt32)])
    func aHostIsLookedUpWithItsTime(ttl: UInt32, seconds: UInt32) throws {
        let server = try NameServer()
        server.ttl = ttl
        server.zone["A host.example"] = NameServer.Records.a(["192.0.2.1", "192.0.2.2"])
        server.zone["AAAA host.example"] = NameServer.Records.noData
        var options = ResolverOptions(timeout: 100, tries: 2, usesSearchList: false)
        options.servers = server.peer.address.text
        let asked = options
        let (here, there) = (try TestPeer(), try TestPeer())
        let (target, fd) = (here.address, there.fd)
        let thread = try Threads.start("test") {
            let found = HostLookup.look(up: "host.example", asked)
            let none = HostLookup.look(up: "none.example", asked)
            let texts = found.addresses.map(\.addressText).sorted().joined(separator: " ")
            let result = Array("\(texts) \(found.seconds) \(none.addresses.count) \(none.seconds)".utf8)
            var to = target
            _ = result.withUnsafeBytes { Syscalls.send(fd, $0.baseAddress!, $0.count, to: &to) }
        }
        #expect(server.receive(here) == "192.0.2.1 192.0.2.2 \(seconds) 0 60")
        pthread_join(thread, nil)
    }
}

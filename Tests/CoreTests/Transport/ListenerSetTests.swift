import CLinux
import Glibc
import Testing

@testable import Core

@Suite struct HostTableTests {
    private let table = HostTable([
        ("192.0.2.1", 5060), ("2001:DB8::1", 5060), ("Example.COM", 0), ("sip.example.net", 5080),
        ("sip.example.net", 5090),
    ])

    @Test(arguments: [
        ("192.0.2.1", 5060, true), ("192.0.2.1", 5061, false), ("192.0.2.1", 0, true), ("192.0.2.2", 5060, false),
        ("2001:db8:0:0::1", 5060, true), ("[2001:db8::1]", 5060, true), ("[2001:db8::2]", 5060, false),
        ("example.com", 1, true), ("EXAMPLE.com", 5060, true), ("example.com.", 5060, true),
        ("example.co", 5060, false),
        ("sip.example.net", 5080, true), ("sip.example.net", 5090, true), ("sip.example.net", 5060, false),
        ("", 5060, false), (".", 5060, false),
    ])
    func matches(host: String, port: UInt16, expected: Bool) {
        let bytes = Bytes(permanent: host)
        #expect(table.contains(bytes, port: port) == expected)
    }

    @Test func refusesWhatIsTooLong() {
        #expect(!table.contains(Bytes(permanent: String(repeating: "a", count: 300)), port: 5060))
        let longest = String(repeating: "a", count: 255)
        #expect(HostTable([(longest, 0)]).contains(Bytes(permanent: longest), port: 1))
    }

    @Test func holdsMany() {
        let many = HostTable((0..<5000).map { ("host\($0)", 0) })
        for i in 0..<5000 { #expect(many.contains(Bytes(permanent: "HOST\(i)"), port: 9)) }
        #expect(!many.contains(Bytes("host5000"), port: 9))
    }
}

@Suite struct ListenerSetTests {
    private func spec(_ host: String, port: UInt16? = 0) -> ListenSpec {
        ListenSpec(protocols: [.udp], host: host, port: port)
    }

    @Test func hasTheTextsThatMessagesNeed() throws {
        var advertised = spec("127.0.0.1")
        advertised.advertisedHost = "sip.example.com"
        advertised.advertisedPort = 5070
        advertised.name = "outside"
        let set = try ListenerSet.open([spec("::1"), advertised])
        defer { set.close() }
        let v6 = set.listeners[0]
        let port = v6.address.port
        #expect(port != 0)
        #expect(v6.text.string == "udp:[::1]:\(port)")
        #expect(v6.host.string == "[::1]" && v6.addressText.string == "::1" && v6.portText.string == "\(port)")
        #expect(v6.sentBy.string == "[::1]:\(port)" && !v6.hasAdvertised && !v6.isWildcard)
        let v4 = set.listeners[1]
        #expect(v4.sentBy.string == "sip.example.com:5070" && v4.hasAdvertised && v4.index == 1)
        #expect(v4.text.string == "udp:127.0.0.1:\(v4.address.port)")
        #expect(set.find(name: Bytes("outside")) == v4)
        #expect(set.find(name: Bytes("")) == nil)
        #expect(set.find(.udp, v4.address) == v4)
        #expect(set.find(.tcp, v4.address) == nil)
    }

    @Test func knowsItself() throws {
        var advertised = spec("127.0.0.1")
        advertised.advertisedHost = "SIP.example.com"
        advertised.advertisedPort = 5070
        var virtual = spec("192.0.2.77", port: 5060)
        virtual.isVirtual = true
        let set = try ListenerSet.open(
            [advertised, virtual],
            aliases: [AliasSpec(host: "alias.example.com"), AliasSpec(host: "other", port: 5099)])
        defer { set.close() }
        let port = set.listeners[0].address.port
        #expect(set.isMyself(host: Bytes("127.0.0.1"), port: port))
        #expect(!set.isMyself(host: Bytes("127.0.0.1"), port: port &+ 1))
        #expect(set.isMyself(host: Bytes("sip.example.com"), port: 5070))
        #expect(!set.isMyself(host: Bytes("sip.example.com"), port: port))
        #expect(set.isMyself(host: Bytes("ALIAS.example.com"), port: 1))
        #expect(set.isMyself(host: Bytes("other"), port: 5099) && !set.isMyself(host: Bytes("other"), port: 5060))
        #expect(set.isMyself(host: Bytes("192.0.2.77"), port: 5060))
        #expect(set.isMyself(try #require(SocketAddress("127.0.0.1", port: 9)), port: 0))
        #expect(set.listeners[1].fd == -1)
    }

    @Test func aWildcardIsEveryAddressOfTheMachine() throws {
        let set = try ListenerSet.open([spec("0.0.0.0")])
        defer { set.close() }
        let port = set.listeners[0].address.port
        #expect(set.listeners[0].isWildcard)
        for own in try InterfaceAddress.all() where own.address.isV4 {
            #expect(set.isMyself(host: Bytes(permanent: own.address.addressText), port: port))
        }
    }

    @Test func listensOnInterfacesNamesAndEverything() throws {
        let lo = try ListenerSet.open([spec("lo"), spec("localhost")])
        defer { lo.close() }
        #expect(lo.listeners.contains { $0.address.addressText == "127.0.0.1" })
        #expect(lo.isMyself(host: Bytes("LocalHost"), port: try #require(lo.listeners.last).address.port))
        let all = try ListenerSet.open([], port: 0)
        defer { all.close() }
        #expect(all.listeners.contains { $0.address.addressText == "127.0.0.1" })
        #expect(all.listeners.allSatisfy { $0.address.isV4 })
    }

    @Test func saysAllThatIsWrong() throws {
        let taken = try ListenerSet.open([spec("127.0.0.1")])
        defer { taken.close() }
        let port = taken.listeners[0].address.port
        let specs = [
            spec("127.0.0.1", port: port), spec("192.0.2.200"), spec("eth77"),
            ListenSpec(protocols: [.tls], host: "::1"),
        ]
        let errors = #expect(throws: ListenErrors.self) { _ = try ListenerSet.open(specs) }
        let found = try #require(errors).errors
        #expect(found.map(\.spec) == [0, 1, 2, 3])
        #expect(found[0].text == "udp:127.0.0.1:\(port): bind: Address already in use")
        #expect(found[1].text == "udp:192.0.2.200:0: bind: Cannot assign requested address")
        let hint = try #require(found[1].hint)
        #expect(hint.contains("127.0.0.1") && hint.contains("ip_free_bind"))
        #expect(found[2].text == "eth77 is neither an address, nor an interface, nor a known host")
        #expect(found[2].hint?.contains("lo") == true)
        #expect(found[3].text == "tls:::1: this server has no tls")
    }

    @Test func bindsToAForeignAddressWhenTold() throws {
        let set = try ListenerSet.open([spec("192.0.2.200")], options: TransportOptions(freeBind: true))
        #expect(set.listeners[0].address.addressText == "192.0.2.200")
        set.close()
    }

    @Test func joinsAGroup() throws {
        var options = TransportOptions()
        options.multicastInterface = "lo"
        options.multicastLoopback = true
        options.multicastTTL = 0
        let set = try ListenerSet.open([spec("224.0.1.75")], options: options)
        defer { set.close() }
        #expect(set.listeners[0].address.isMulticast)
        options.multicastInterface = "eth77"
        let errors = #expect(throws: ListenErrors.self) {
            _ = try ListenerSet.open([spec("224.0.1.75")], options: options)
        }
        #expect(errors?.errors[0].text == "udp:224.0.1.75:0: mcast: no interface eth77")
    }

    @Test func choosesASocket() throws {
        let set = try ListenerSet.open([spec("127.0.0.1"), spec("127.0.0.2"), spec("::1")])
        defer { set.close() }
        let peer = try #require(SocketAddress("127.0.0.9", port: 5060))
        #expect(set.choose(.udp, toward: peer) == set.listeners[0])
        #expect(set.choose(.udp, toward: peer, preferring: set.listeners[1]) == set.listeners[1])
        #expect(set.choose(.udp, toward: peer, preferring: set.listeners[2]) == set.listeners[0])
        #expect(set.choose(.udp, toward: try #require(SocketAddress("::1"))) == set.listeners[2])
        #expect(set.choose(.tcp, toward: peer) == nil)
        #expect(set.routed(.udp, toward: try #require(SocketAddress("127.0.0.1"))) == set.listeners[0])
    }

    @Test func protocolsHaveNames() {
        #expect(TransportProtocol(Bytes("UdP")) == .udp && TransportProtocol(Bytes("wss")) == .wss)
        #expect(TransportProtocol(Bytes("udpx")) == nil && TransportProtocol(Bytes("")) == nil)
    }

    @Test func datagramsMayBeTakenApartOnTheirWayOrNot() throws {
        for discovers in [false, true] {
            var options = TransportOptions()
            options.discoversPathMTU = discovers
            let set = try ListenerSet.open([spec("127.0.0.1"), spec("::1")], port: 0, options: options)
            defer { set.close() }
            for listener in set.listeners where listener.proto == .udp {
                let level = Int(listener.address.isV6 ? IPPROTO_IPV6 : IPPROTO_IP)
                let option = listener.address.isV6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER
                #expect(
                    try Syscalls.option(listener.fd, level, option) == (discovers ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT))
            }
        }
    }
}

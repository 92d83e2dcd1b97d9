import PluginKit
import Testing

@testable import AccessLists

/// The addresses of tests, of which the server is not there to read them.
enum Addresses {
    /// Four numbers, or eight groups of hexadecimal digits.
    static func parse(_ text: String) -> NetworkAddress? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        if parts.count == 4, text.split(separator: ".", omittingEmptySubsequences: false).count == 4 {
            return NetworkAddress(
                isIPv6: false, high: parts.reduce(0) { $0 << 8 | UInt64($1) } << 32, low: 0)
        }
        let groups = text.split(separator: ":", omittingEmptySubsequences: false).compactMap { UInt64($0, radix: 16) }
        guard groups.count == 8 else { return nil }
        return NetworkAddress(
            isIPv6: true, high: groups[..<4].reduce(0) { $0 << 16 | $1 }, low: groups[4...].reduce(0) { $0 << 16 | $1 })
    }

    static func row(
        _ group: Int64, _ address: String, _ bits: Int64 = 0, _ port: Int64 = 0, _ tag: String? = nil
    ) throws -> AddressRow {
        try AddressRow(group: group, address: address, bits: bits, port: port, tag: tag, parse: parse)
    }
}

extension AddressIndex {
    /// The tag of what is found.
    fileprivate func tag(_ address: String, port: UInt16 = 5060, group: Int32 = 1) -> String? {
        var address = address
        let row =
            if let network = Addresses.parse(address) {
                find(network, port: port, group: group)
            } else {
                address.withUTF8 {
                    find(apus_str(start: $0.baseAddress, count: $0.count), port: port, group: group)
                }
            }
        return row.map { self[$0].tag.string }
    }
}

@Suite struct AddressTests {
    @Test func hostsNetworksAndNames() throws {
        let index = AddressIndex([
            try Addresses.row(1, "10.0.0.1", 32, 0, "first"), try Addresses.row(1, "10.0.0.1", 0, 0, "second"),
            try Addresses.row(1, "10.0.0.2", 0, 5060, "port"), try Addresses.row(1, "10.1.0.0", 16, 0, "wide"),
            try Addresses.row(1, "10.1.2.0", 24, 0, "narrow"), try Addresses.row(1, "gw.example.org", 0, 5080, "name"),
            try Addresses.row(2, "2001:db8:0:0:0:0:0:5", 32, 0, "six"), try Addresses.row(7, "10.1.2.3", 0, 0, "host"),
        ])
        defer { index.end() }
        #expect(index.tag("10.0.0.1") == "second")
        #expect(index.tag("10.0.0.2") == "port" && index.tag("10.0.0.2", port: 5061) == nil)
        #expect(index.tag("10.0.0.2", port: 0) == nil)
        #expect(index.tag("10.1.2.3") == "wide" && index.tag("10.1.2.3", group: 0) == "host")
        #expect(index.tag("10.2.2.3") == nil && index.tag("10.1.2.3", group: 2) == nil)
        #expect(index.tag("GW.example.ORG", port: 5080) == "name" && index.tag("gw.example.org") == nil)
        #expect(index.tag("example.org", port: 5080) == nil && index.tag("", port: 5080) == nil)
        #expect(index.tag("2001:db8:ffff:0:0:0:0:1", group: 2) == "six")
        #expect(index.tag("2001:db9:0:0:0:0:0:5", group: 2) == nil)
    }

    @Test func theLongestMask() throws {
        let rows = [
            try Addresses.row(1, "10.0.0.0/8", 0, 0, "8"), try Addresses.row(1, "10.1.2.0/24", 0, 5060, "24"),
            try Addresses.row(1, "10.1.0.0/16", 0, 0, "16"), try Addresses.row(1, "0.0.0.0/0", 0, 0, "0"),
        ]
        for (choice, tags) in [
            (AddressIndex.Choice.longest, ["24", "16", "8", "0"]), (.first, ["8", "8", "8", "0"]),
        ] {
            let index = AddressIndex(rows, choice: choice)
            defer { index.end() }
            let found = [
                index.tag("10.1.2.3"), index.tag("10.1.2.3", port: 1), index.tag("10.2.0.1"), index.tag("192.0.2.1"),
            ]
            #expect(found == tags)
        }
    }

    /// Many rows, beside a search through all of them.
    @Test func asASearchThroughAll() throws {
        var random = SystemRandomNumberGenerator()
        func address() -> UInt64 { UInt64(10) << 24 | UInt64.random(in: 0..<4096, using: &random) << 4 }
        let rows: [AddressRow] = (0..<3000).map { number in
            let bits = [32, 32, 28, 24, 20, 8].randomElement(using: &random)!
            return AddressRow(
                group: Int32.random(in: 1...4, using: &random),
                pattern: .network(
                    NetworkAddress(isIPv6: false, high: address() << 32, low: 0).prefix(UInt8(bits)), bits: UInt8(bits)),
                port: [0, 0, 5060].randomElement(using: &random)!, tag: nil)
        }
        let index = AddressIndex(rows)
        defer { index.end() }
        for _ in 0..<3000 {
            let asked = NetworkAddress(isIPv6: false, high: address() << 32, low: 0)
            let group = Int32.random(in: 0...4, using: &random)
            let port: UInt16 = [0, 5060, 5070].randomElement(using: &random)!
            func fits(_ row: AddressRow, isHost: Bool) -> Bool {
                guard case .network(let own, let bits) = row.pattern, (bits == 32) == isHost else { return false }
                return (group == 0 || row.group == group) && (row.port == 0 || row.port == port)
                    && asked.prefix(bits) == own
            }
            let host = rows.lastIndex { fits($0, isHost: true) }
            let expected = host ?? rows.firstIndex { fits($0, isHost: false) }
            #expect(index.find(asked, port: port, group: group) == expected)
        }
    }

    @Test(
        arguments: [
            ("0", "10.0.0.1", 0, 0), ("1", "10.0.0.1", 33, 0), ("1", "10.0.0.1/x", 0, 0), ("1", "10.0.0.1", 0, 65536),
            ("1", "", 0, 0), ("1", "a b", 0, 0), ("1", "gw.example.org/8", 0, 0), ("1", "10.0.0.1", -1, 0),
        ] as [(String, String, Int64, Int64)])
    func mistakesOfRows(group: String, address: String, bits: Int64, port: Int64) {
        #expect(throws: AddressRow.Mistake.self) {
            try AddressRow(
                group: Int64(group), address: address, bits: bits, port: port, tag: nil, parse: Addresses.parse)
        }
    }

    @Test func files() throws {
        let text = "# of tests\n\n1 10.0.0.1 32 0 tag1 # own\r\n\t2  10.1.0.0/16\n3 gw.test 0 5080"
        let rows = try AddressFile.parse(Array(text.utf8), parse: Addresses.parse)
        #expect(
            rows == [
                try Addresses.row(1, "10.0.0.1", 32, 0, "tag1"), try Addresses.row(2, "10.1.0.0", 16),
                try Addresses.row(3, "gw.test", 0, 5080),
            ])
    }

    @Test(arguments: [
        ("1 10.0.0.1\n1", 2), ("x 10.0.0.1", 1), ("\n\n1 10.0.0.1 32 0 tag more", 3), ("1 10.0.0.1 y", 1),
    ])
    func mistakesOfFiles(text: String, line: Int) throws {
        let mistake = try #require(throws: AddressFile.Mistake.self) {
            try AddressFile.parse(Array(text.utf8), parse: Addresses.parse)
        }
        #expect(mistake.line == line && !mistake.text.isEmpty)
    }
}

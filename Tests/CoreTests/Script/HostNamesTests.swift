import Testing

@testable import Core

/// Names in conditions follow their addresses.
@Suite struct HostNamesTests {
    private func address(_ text: String) -> SocketAddress { SocketAddress(text)! }

    private func holds(_ entry: UnsafeMutablePointer<HostNames.Entry>, _ text: String) -> Bool {
        let table = entry.pointee.current
        return UnsafeBufferPointer(start: table.pointee.start, count: table.pointee.count)
            .contains { $0.contains(address(text)) }
    }

    @Test func otherAddressesTakeTheirPlace() {
        let names = HostNames()
        let one = names.add("one.example.com", [address("192.0.2.1"), address("192.0.2.2")])
        let two = names.add("two.example.com", [])
        #expect(holds(one, "192.0.2.1") && holds(one, "192.0.2.2") && !holds(two, "192.0.2.9"))
        var retired: [UnsafeMutableRawPointer] = []
        // The same ones in another order are no news; a name that cannot be looked up keeps what it had.
        names.lookAgain(
            { $0 == "one.example.com" ? [address("192.0.2.2"), address("192.0.2.1")] : [] }, { retired.append($0) })
        #expect(retired.isEmpty && holds(one, "192.0.2.1"))
        names.lookAgain({ $0 == "one.example.com" ? [] : [address("192.0.2.9")] }, { retired.append($0) })
        #expect(retired.count == 1 && holds(one, "192.0.2.1") && holds(two, "192.0.2.9"))
        names.lookAgain(
            { $0 == "one.example.com" ? [address("2001:db8::1")] : [address("192.0.2.9")] }, { retired.append($0) })
        #expect(retired.count == 2 && holds(one, "2001:db8::1") && !holds(one, "192.0.2.1"))
        for table in retired { HostNames.free(table) }
    }

    @Test func theNamesOfScriptsThatAreThereAreKnown() throws {
        var names: HostNames? = HostNames()
        _ = names?.add("a.example.com", [])
        names?.begin()
        #expect(HostNames.known.contains { $0 === names })
        names = nil
        #expect(!HostNames.known.contains { $0.isEmpty })
    }
}

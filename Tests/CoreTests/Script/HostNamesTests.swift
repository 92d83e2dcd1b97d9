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
            0, { ($0 == "one.example.com" ? [address("192.0.2.2"), address("192.0.2.1")] : [], 5) },
            { retired.append($0) })
        #expect(retired.isEmpty && holds(one, "192.0.2.1"))
        names.lookAgain(5, { ($0 == "one.example.com" ? [] : [address("192.0.2.9")], 5) }, { retired.append($0) })
        #expect(retired.count == 1 && holds(one, "192.0.2.1") && holds(two, "192.0.2.9"))
        names.lookAgain(
            10, { ($0 == "one.example.com" ? [address("2001:db8::1")] : [address("192.0.2.9")], 5) },
            { retired.append($0) })
        #expect(retired.count == 2 && holds(one, "2001:db8::1") && !holds(one, "192.0.2.1"))
        for table in retired { HostNames.free(table) }
    }

    @Test func eachNameHasATimeOfItsOwn() {
        let names = HostNames()
        _ = names.add("short.example.com", [])
        _ = names.add("long.example.com", [])
        var asked: [String] = []
        func look(_ now: UInt64) {
            names.lookAgain(
                now,
                {
                    asked.append($0)
                    return ([], $0.hasPrefix("short") ? 5 : 60)
                }, { _ in })
        }
        #expect(names.isDue(100))
        look(100)
        #expect(asked.count == 2 && !names.isDue(104) && names.isDue(105))
        look(105)
        #expect(asked.last == "short.example.com" && asked.count == 3)
        look(165)
        #expect(asked.count == 5)
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

import Testing

@testable import Core

/// Programs counted by their names, in a table that does not grow.
@Suite struct UserAgentsTests {
    private func all(_ table: UserAgents) -> [String: UserAgents.Counts] {
        var found: [String: UserAgents.Counts] = [:]
        table.visit { name, counts in found[name.string] = counts }
        return found
    }

    private func add(_ name: String, to table: inout UserAgents, requests: UInt64 = 1, replies: UInt64 = 0) {
        PermanentText.withBytes(of: name) {
            table.add($0.bytes, UserAgents.Counts(requests: requests, replies: replies))
        }
    }

    @Test func requestsAndRepliesAreAdded() {
        var table = UserAgents()
        for _ in 0..<3 { add("Phone 1", to: &table) }
        add("Phone 1", to: &table, requests: 0, replies: 1)
        add("Phone 2", to: &table)
        let found = all(table)
        #expect(found.count == 2 && found["Phone 1"]?.requests == 3 && found["Phone 1"]?.replies == 1)
        #expect(found["Phone 2"]?.sum == 1 && table.others.sum == 0)
    }

    @Test func longNamesAreOneByTheirBeginnings() {
        var table = UserAgents()
        let long = String(repeating: "x", count: UserAgents.longest)
        for end in ["1", "2"] { add(long + end, to: &table) }
        #expect(all(table)[long]?.requests == 2)
    }

    @Test func nothingIsLostAndTheBusyOnesStay() {
        var table = UserAgents()
        add("Busy", to: &table, requests: 1000)
        for number in 0..<10_000 { add("Stranger \(number)", to: &table) }
        let found = all(table)
        #expect(found.count <= 256 && found["Busy"]?.requests == 1000)
        #expect(found.values.reduce(0) { $0 + $1.sum } + table.others.sum == 11_000)
    }
}

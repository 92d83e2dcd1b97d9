import Testing

@testable import Destinations

@Suite struct ReloadTests {
    @Test func destinationsThatStayKeepWhatIsKnown() {
        let sets = Sets("1 sip:a 0 0 duid=x\n1 sip:b 8\n1 sip:c 0 0 duid=y\n2 sip:a")
        let (a, b, c) = (sets.cell("sip:a"), sets.cell("sip:b"), sets.cell("sip:c"))
        _ = a.fail(threshold: 3, probing: nil, .noReply, at: 0)
        _ = b.set([.inactive, .probing], .script, at: 0)
        a.pointee.latency.add(40, weight: 1)
        sets.reload("1 sip:c2 0 0 duid=y\n1 sip:b\n1 sip:a 0 9 weight=7\n1 sip:new\n2 sip:a")
        #expect(sets.cell("sip:a") == a && sets.cell("sip:b") == b)
        #expect(sets.cell("sip:c2") == c)
        #expect(sets.cell("sip:a", in: 2) != a)
        let average = a.pointee.latency.average
        #expect(a.condition == .trying && a.failureCount == 1 && average == 40)
        // It would never come back if it were not asked any more.
        #expect(b.condition == [.inactive, .probing])
        #expect(sets.uris() == ["sip:a", "sip:c2", "sip:b", "sip:new"])
        #expect(sets[1][0].pointee.weight == 7)
    }

    @Test func whatTheSourceSaysOfStates() {
        let sets = Sets("1 sip:a\n1 sip:b 4\n1 sip:c\n1 sip:d 1\n1 sip:e 8\n1 sip:f")
        _ = sets.cell("sip:c").set(.disabled, .command, at: 0)
        _ = sets.cell("sip:f").set(.trying, .script, at: 0)
        sets.reload("1 sip:a 4\n1 sip:b\n1 sip:c\n1 sip:d 1\n1 sip:e\n1 sip:f 1")
        func letters(_ uri: String) -> String { sets.cell(uri).condition.letters }
        #expect(letters("sip:a") == "DX")
        #expect(letters("sip:b") == "AX")
        #expect(letters("sip:c") == "DX")
        #expect(letters("sip:d") == "IX")
        #expect(letters("sip:e") == "AX")
        #expect(letters("sip:f") == "IX")
    }

    @Test func equalURIsAreApart() {
        let sets = Sets("1 sip:a 0 0 duid=x\n1 sip:a 0 0 duid=y")
        let cells = (0..<2).map { sets[1][$0].pointee.cell }
        #expect(cells[0] != cells[1])
        sets.reload("1 sip:a\n1 sip:a\n1 sip:a")
        #expect((0..<2).map { sets[1][$0].pointee.cell } == cells)
        // The first of several with one duid is known by it.
        let twins = Sets("1 sip:p 0 0 duid=t\n1 sip:q 0 0 duid=t")
        let first = twins.cell("sip:p")
        twins.reload("1 sip:z 0 0 duid=t")
        #expect(twins.cell("sip:z") == first)
    }

    @Test func differences() {
        func drafts(_ text: String) -> [Draft] { ListFile.parse(Array(text.utf8)).lines.map(\.draft) }
        let before = drafts("1 sip:a 0 0 weight=5\n1 sip:b\n2 sip:c")
        let made = Differences(from: before, to: drafts("1 sip:a 0 0 weight=6\n2 sip:c\n3 sip:d 8"))
        #expect(made.added == ["3 sip:d 8"] && made.removed == ["1 sip:b"])
        #expect(made.changed == ["1 sip:a 0 0 weight=5 -> 1 sip:a 0 0 weight=6"])
        #expect(Differences(from: before, to: before) == Differences(from: [], to: []))
    }
}

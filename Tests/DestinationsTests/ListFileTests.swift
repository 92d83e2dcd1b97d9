import Testing

@testable import Destinations

@Suite struct ListFileTests {
    private func parse(_ text: String) -> ListFile.Contents { ListFile.parse(Array(text.utf8)) }

    @Test func fieldsAndComments() {
        let contents = parse(
            """
            # gateways
            1 sip:127.0.0.1:7070 0 0 duid=abc;my=xyz
            \t2   sip:127.0.0.1:7072\t8 -5   # trunk
              3 sips:gw.example.com # nothing more
            4 sip:h 0x21 7 weight=50;RWEIGHT=20;maxload=3;socket=udp:127.0.0.1:5060;sockname=a;cc=1\r

            #5 sip:nobody
            """)
        #expect(contents.mistakes == [])
        #expect(contents.remarks == [])
        #expect(contents.lines.map(\.number) == [2, 3, 4, 5])
        let drafts = contents.lines.map(\.draft)
        #expect(drafts.map(\.set) == [1, 2, 3, 4])
        #expect(drafts.map(\.uri) == ["sip:127.0.0.1:7070", "sip:127.0.0.1:7072", "sips:gw.example.com", "sip:h"])
        #expect(drafts.map(\.flags) == [[], .probing, [], [.inactive, .noPing]])
        #expect(drafts.map(\.priority) == [0, -5, 0, 7])
        #expect(drafts[0].attributes.duid == "abc")
        #expect(drafts[0].attributes.text == "duid=abc;my=xyz")
        let own = drafts[3].attributes
        #expect(own.weight == 50 && own.relativeWeight == 20 && own.maxLoad == 3 && own.congestionControl)
        #expect(own.socket == "udp:127.0.0.1:5060" && own.socketName == "a")
    }

    @Test(arguments: [
        ("1", 2, "the URI of the destination is missing"),
        ("one sip:a", 1, "a set's number is 0 to 2147483647, not `one`"),
        ("-1 sip:a", 1, "a set's number is 0 to 2147483647, not `-1`"),
        ("1 sip:a many", 9, "flags are a number, decimal or 0x and hexadecimal, not `many`"),
        ("1 sip:a 0 high", 11, "the priority is a number, not `high`"),
        ("1 sip:a 0 0 a=b; c=d", 18, "nothing stands behind the attributes, which have no blanks: `c=d`"),
        ("1 # sip:a", 3, "the URI of the destination is missing"),
    ])
    func mistakes(line: String, column: Int, text: String) {
        let contents = parse("# one\n\(line)\n3 sip:b")
        #expect(contents.mistakes == [ListFile.Complaint(line: 2, column: column, text: text, source: line)])
        #expect(contents.lines.map(\.number) == [3])
    }

    @Test func remarks() {
        let contents = parse("1 10.0.0.1:5070\n1 sip:b 64\n1 sip:c 0 0 weight=200;maxload=x;loose")
        #expect(contents.lines[0].draft.uri == "sip:10.0.0.1:5070")
        #expect(contents.lines[2].draft.attributes.weight == 0)
        #expect(
            contents.remarks.map { "\($0.line):\($0.column): \($0.text)" } == [
                "1:3: `10.0.0.1:5070` has no scheme: it is taken as sip:10.0.0.1:5070",
                "2:9: flags 64: bits beyond 63 mean nothing",
                "3:13: weight is 1 to 100, not `200`: the destination has none",
                "3:13: maxload is a number from 0 on, not `x`: there is no limit",
                "3:13: attribute `loose` has no value",
            ])
        #expect(contents.mistakes == [])
    }

    @Test func longLines() {
        let value = String(repeating: "v", count: 5000)
        let contents = parse("1 sip:a 0 0 long=\(value)")
        #expect(contents.lines[0].draft.attributes.text == "long=\(value)")
    }

    @Test func letters() {
        func named(_ text: String) -> Condition? { Condition(letters: text.utf8) }
        #expect(named("a") == [] && named("I") == .inactive && named("t") == .trying && named("D") == .disabled)
        #expect(named("ap") == .probing && named("iP") == [.inactive, .probing] && named("pt") == [.trying, .probing])
        for wrong in ["", "p", "dp", "x", "ai", "app", "active"] { #expect(named(wrong) == nil, "\(wrong)") }
        #expect(Condition([.inactive, .probing]).letters == "IP")
        #expect(Condition([.disabled, .noPing]).letters == "DN")
        #expect(Condition().letters == "AX" && Condition.trying.letters == "TX")
    }
}

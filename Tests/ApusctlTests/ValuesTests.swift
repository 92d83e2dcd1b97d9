import BinRPC
import JSON
import Testing

@testable import apusctl

@Suite struct ValuesTests {
    private func map(_ members: (String, RPCValue)...) -> RPCValue {
        .map(members.map { .init(name: Array($0.0.utf8), value: $0.1) })
    }

    @Test(
        arguments: [
            ("5", .int(5)), ("-3", .int(-3)), ("s:5", .text("5")), ("i:007", .int(7)), ("d:2", .double(2)),
            ("1.5", .double(1.5)),
            ("-0.25", .double(-0.25)), ("007", .text("007")), ("+49", .text("+49")), ("-0", .text("-0")),
            ("", .text("")),
            ("1.2.3.4", .text("1.2.3.4")), ("1.", .text("1.")), (".5", .text(".5")), ("00.5", .text("00.5")),
            ("1e3", .text("1e3")), ("0x10", .text("0x10")), ("s:", .text("")), ("9223372036854775807", .int(.max)),
            ("9223372036854775808", .text("9223372036854775808")),
        ] as [(String, RPCValue)])
    func argumentsAreWhatTheyAreWrittenAs(word: String, value: RPCValue) throws {
        #expect(try RPCValue(argument: word) == value)
    }

    @Test(arguments: ["i:x", "i:1.5", "i:", "d:x", "d:inf"])
    func forcedNumbersAreNumbers(word: String) {
        #expect(performing: { try RPCValue(argument: word) }, throws: { ($0 as? Failure)?.exitCode == 1 })
    }

    @Test func textIsAsKamcmdPrintsIt() {
        let value = map(
            ("now", .text("Sat")), ("list", .array([.int(1), map(("a", .double(-1.5)))])), ("empty", .map([])))
        #expect(
            value.text() == """
                {
                \tnow: Sat
                \tlist: [
                \t\t1
                \t\t{
                \t\t\ta: -1.500000
                \t\t}
                \t]
                \tempty: {
                \t}
                }
                """)
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        #expect(RPCValue.text([0x1b, 0x5b, 0x41, 9, 10, 13, 0xff]).text() == "\\x1b[A\t\n\u{fffd}")
        #expect("\u{9b}é".printable == "\\x9bé")
    }

    @Test func jsonOfAnswers() {
        let value = map(
            ("a", .int(1)), ("b", .text("x\"\\\n\u{1}é")), ("a", .int(2)), ("l", .array([.int(1)])), ("l", .array([])),
            ("a", .double(0.5)))
        #expect(value.json.text == #"{"a":[1,2,0.5],"b":"x\"\\\n\u0001é","l":[[1],[]]}"#)
        #expect([RPCValue]().json.text == "null")
        #expect([RPCValue.int(1)].json.text == "1")
        #expect([RPCValue.int(1), .text("")].json.text == #"[1,""]"#)
        #expect(JSONValue.double(.nan).text == "null")
    }

    @Test func threadsAreShownAsSERShowedProcesses() {
        let row = { (index: Int64, text: String) in
            self.map(("IDX", .int(index)), ("PID", .int(100 + index)), ("DSC", .text(text)))
        }
        let rows = [
            row(0, "main process - attendant"), row(1, "udp receiver child=0 sock=127.0.0.1:5060"),
            row(2, "udp receiver child=0 sock=[::1]:5060 (sip.example.org:5060)"),
            row(3, "udp receiver child=1 sock=127.0.0.1:5060"),
            row(4, "udp receiver child=0 sock=10.0.0.1:5060,10.0.0.2:5060"),
            row(5, "ctl handler"),
        ]
        let expected = [
            "attendant", "receiver child=0 sock=0 @ 127.0.0.1::5060",
            "receiver child=0 sock=1 @ [::1]::5060 (sip.example.org:5060)", "receiver child=1 sock=0 @ 127.0.0.1::5060",
            "receiver child=0 sock=* @ 10.0.0.1::5060,10.0.0.2::5060", "ctl handler",
        ]
        for values in [rows, [.array(rows)]] {
            let shown = ProcessRow.rows(values)
            #expect(shown.map(\.text) == expected)
            #expect(shown.map(\.id) == [100, 101, 102, 103, 104, 105])
        }
    }

    @Test func columns() {
        #expect(Columns.lines([["a", "bb", "c"], ["aaa", "b", ""]]) == ["a    bb  c", "aaa  b   "])
    }

    @Test func countersAreReadFromTheirTexts() {
        let values: [RPCValue] = [
            .array([.text("core:rcv = 5"), .text("tm:a=-1")]), .text("core:x = 0"), .text("nonsense"),
        ]
        let counters = Counter.all(values)
        #expect(counters.map(\.name) == ["rcv", "a", "x"])
        #expect(Counter.json(counters).text == #"{"core":{"rcv":5,"x":0},"tm":{"a":-1}}"#)
    }

    @Test func socketsAndAliases() {
        let socket = map(
            ("proto", .text("udp")), ("address", .text("::1")), ("port", .int(5060)), ("mcast", .text("no")),
            ("virtual", .text("yes")), ("name", .text("s1")))
        #expect(Srv.socket(socket) == "udp:[::1]:5060 name s1 virtual")
        #expect(Srv.alias(map(("proto", .text("*")), ("address", .text("a.b")), ("port", .text("*")))) == "*:a.b:*")
        // Kamailio's binrpc nests them in a map, others in an array.
        let nested = map(("aliases", .array([map(("alias", .int(1))), map(("alias", .int(2)))])))
        #expect(nested.all(named: "alias") == [.int(1), .int(2)])
        #expect(
            map(("aliases", map(("alias", .int(1)), ("alias", .int(2))))).all(named: "alias") == [.int(1), .int(2)])
    }

    @Test func fifoReplies() {
        let reply = FIFODoor.Reply("200 OK\nline\n\nlast\n")
        #expect(reply?.code == 200 && reply?.reason == "OK" && reply?.lines == ["line", "", "last"])
        #expect(FIFODoor.Reply("500 command 'x' not available")?.isGood == false)
        #expect(FIFODoor.Reply("202\r\na\r\n")?.lines == ["a"])
        #expect(FIFODoor.Reply("") == nil)
        #expect(FIFODoor.Reply("hello") == nil)
        #expect(FIFODoor.Reply("99 no") == nil)
    }

    @Test func requestsOfPing() throws {
        #expect(
            Ping.headers(to: "sip:a@b", ["Event: check-sync"], host: "h") == [
                "From: <sip:daemon@h>", "To: <sip:a@b>", "Contact: <sip:daemon@!!>", "Event: check-sync",
            ])
        for good in ["sip:a@b", "SIPS:b", "sip:[::1]:5060;transport=tcp"] { try SIPAddress.check(good) }
        for bad in ["a@b", "sip:", "sip:a b", "sip:a\r\nX: y", "sip:a>b", "tel:1", ""] {
            #expect(performing: { try SIPAddress.check(bad) }, throws: { ($0 as? Failure)?.exitCode == 1 })
        }
    }
}

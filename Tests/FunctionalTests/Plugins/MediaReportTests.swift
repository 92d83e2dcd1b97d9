import Testing

/// What a proxy says of a call, and what a script gets of it.
@Suite struct MediaReportTests {
    private static func marks(_ mark: Int64, at: Int64? = nil, samples: Int64? = nil) -> Bencoded {
        var pairs: [String: Bencoded] = [
            "MOS": .number(mark), "jitter": .number(3), "packet loss": .number(2), "round-trip time": .number(152_000),
            "round-trip time leg": .number(76_000),
        ]
        if let at { pairs["reported at"] = .number(at) }
        if let samples { pairs["samples"] = .number(samples) }
        return .dictionary(pairs)
    }

    private static func side(_ label: String, _ source: Int64) -> Bencoded {
        .dictionary([
            "label": .text(label),
            "medias": .list([.dictionary(["streams": .list([.dictionary(["SSRC": .number(source)])])])]),
        ])
    }

    private static let answer: MediaPeer.Reply = .dictionary([
        "result": "ok", "created": .number(1000),
        "SSRC": .dictionary([
            "11": .dictionary([
                "lowest MOS": marks(31, at: 1065), "highest MOS": marks(44, at: 1002),
                "average MOS": marks(40, samples: 4),
            ]),
            "22": .dictionary([
                "lowest MOS": marks(22, at: 1009), "highest MOS": marks(24, at: 1002),
                "average MOS": marks(23, samples: 2),
            ]),
        ]),
        "tags": .dictionary(["from": side("caller", 11), "to": side("callee", 22)]),
        "totals": .dictionary(["RTP": .dictionary(["packets": .number(5)])]),
    ])

    private static let variables = [
        "mos_min", "mos_min_at", "mos_min_packetloss", "mos_min_jitter", "mos_min_roundtrip", "mos_max", "mos_max_at",
        "mos_average", "mos_average_packetloss", "mos_average_jitter", "mos_average_roundtrip", "mos_average_samples",
        "mos_min_A", "mos_min_roundtrip_leg_A", "mos_max_A", "mos_average_A", "mos_average_samples_A", "mos_min_at_A",
        "mos_min_B", "mos_max_roundtrip_leg_B", "mos_average_roundtrip_leg_B", "mos_average_samples_B",
    ]

    private static let wanted =
        "2.2 0:09 2 3 152000 4.4 0:02 3.1 2 3 152000 6 3.1 76000 4.4 4.0 4 1:05 2.2 76000 76000 2"

    /// By a query, and by the deletion, which the script then waits for.
    @Test(arguments: ["rtpengine_query()", "rtpengine_delete()", "rtpengine_manage()"])
    func marksOfSound(function: String) throws {
        let proxy = try MediaPeer { name, _ in
            switch name {
            case "query": MediaReportTests.answer
            case "delete": .late(100, MediaReportTests.answer)
            default: MediaPeer.good(name)
            }
        }
        let names = MediaReportTests.variables
        let call = try MediaCall(
            [proxy.url],
            parameters: names.map { "\"\($0)_pv\", \"$avp(\($0))\"" } + [
                #""mos_A_label_pv", "$avp(a)""#, #""mos_B_label_pv", "$avp(b)""#,
            ],
            """
            request_route {
                $avp(a) = "caller";
                $avp(b) = "callee";
                \(function);
                sl_send_reply("200", "$rc \(names.map { "$avp(\($0))" }.joined(separator: " "))");
            }
            """)
        let method = function.contains("query") ? "INFO" : "BYE"
        #expect(try call.ask(call.request(method, id: "marks")).reason == "1 " + MediaReportTests.wanted)
    }

    /// What is not known stays as it was; a deletion is done though nobody answers it.
    @Test func withoutMarks() throws {
        let proxy = try MediaPeer { name, _ in name == "delete" ? .silence : MediaPeer.good(name) }
        let call = try MediaCall(
            [proxy.url], parameters: MediaCall.shortTimes + [#""mos_min_pv", "$avp(min)""#],
            """
            request_route {
                $avp(min) = "before";
                if (is_method("BYE")) rtpengine_delete(); else rtpengine_query();
                sl_send_reply("200", "$rc $avp(min)");
            }
            """)
        #expect(try call.ask(call.request("INFO", id: "no")).reason == "1 before")
        #expect(try call.ask(call.request("BYE", id: "no", cseq: 2)).reason == "1 before")
    }

    @Test func asJSON() throws {
        let proxy = try MediaPeer { name, _ in
            name == "query"
                ? .dictionary(["result": "ok", "tags": .list([.number(-1), "a\"b"])]) : MediaPeer.good(name)
        }
        let call = try MediaCall(
            [proxy.url],
            """
            request_route {
                if (is_method("INFO")) {
                    if (rtpengine_query_v("jp", "$var(r)")) xlog("L_WARN", "<$var(r)>\\n");
                    sl_send_reply("200", "pretty");
                } else if (rtpengine_query_v("j", "$avp(r)")) {
                    append_to_reply("X-Answer: $avp(r)\\r\\n");
                    sl_send_reply("200", "short");
                }
            }
            """)
        let reply = try call.ask(call.request("OPTIONS", id: "json"))
        #expect(reply.header("X-Answer") == #"{"result":"ok","tags":[-1,"a\"b"]}"#)
        _ = try call.ask(call.request("INFO", id: "json", cseq: 2))
        try call.server.waitForLog("<{\n  \"result\": \"ok\",\n  \"tags\": [\n    -1,\n    \"a\\\"b\"\n  ]\n}>")
    }

    @Test func aFormThatIsNone() throws {
        let result = try Server.check(
            "listen=udp:127.0.0.1:5060\nloadmodule \"rtpengine.so\"\nrequest_route { rtpengine_query_v(\"x\", \"$var(r)\"); }\n"
        )
        #expect(!result.succeeded && result.output.contains("wanted as j or jp"), "\(result.output)")
    }

    // MARK: What is shown

    /// ICE candidates that follow an offer are an offer's, but the message stays as it is.
    @Test func candidatesThatFollow() throws {
        let proxy = try MediaPeer { name, _ in name == "offer" ? .dictionary(["result": "ok"]) : MediaPeer.good(name) }
        let call = try MediaCall(
            [proxy.url],
            "request_route { rtpengine_info(); sl_send_reply(\"200\", \"$rc\"); }")
        let body = "a=ice-ufrag:8hhY\r\na=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\r\n"
        let reply = try call.ask(
            call.request("INFO", id: "ice", body: body, headers: ["Content-Type: application/trickle-ice-sdpfrag"]))
        #expect(reply.reason == "1")
        let offer = try #require(proxy.commands("offer").first)
        #expect(offer["sdp"]?.text == body && offer["flags"] == .list(["fragment"]) && offer["supports"] == nil)
        #expect(try call.ask(call.request("INFO", id: "none", cseq: 2)).reason == "-1")
    }

    /// Variables in the place of the body: it stays as it was, or gets it, too.
    @Test(arguments: [0, 1])
    func variablesInTheBodysPlace(mode: Int) throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url],
            parameters: [
                #""read_sdp_pv", "$avp(in)""#, #""write_sdp_pv", "$avp(out)""#, "\"write_sdp_pv_mode\", \(mode)",
            ],
            """
            request_route {
                if ($rU == "with") $avp(in) = $rb + "a=mine\\r\\n";
                rtpengine_offer();
                append_hf("X-Code: $rc $(avp(out){s.len})\\r\\n");
                $du = "sip:x@A";
                forward();
            }
            """)
        try call.send(call.request("INVITE", id: "pv", user: "with", body: MediaCall.plain))
        let got = try call.a.request("INVITE")
        #expect(got.header("X-Code") == "1 \(MediaPeer.description.utf8.count)")
        #expect(got.body == (mode == 0 ? MediaCall.plain : MediaPeer.description) && got.hasExactLength)
        #expect(proxy.commands("offer").first?["sdp"]?.text == MediaCall.plain + "a=mine\r\n")
        // A variable without a value is a message without a description.
        try call.send(call.request("INVITE", id: "none", user: "without", body: MediaCall.plain))
        let other = try call.a.request("INVITE")
        #expect(other.header("X-Code")?.hasPrefix("-1") == true && other.body == MediaCall.plain)
        #expect(try call.counter("no_sdp") == 1 && proxy.commands("offer").count == 1)
    }

    /// Commands leave from the address that the config names.
    @Test func fromAnAddress() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], parameters: [#""force_send_interface", "127.0.0.77""#, #""control_cmd_tos", 184"#],
            "request_route { rtpengine_offer(); sl_send_reply(\"200\", \"$rc\"); }")
        #expect(try call.ask(call.request("INVITE", id: "from", body: MediaCall.plain)).reason == "1")
        #expect(proxy.senders.map(\.host) == ["127.0.0.77"])
    }
}

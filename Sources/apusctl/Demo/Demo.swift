/// Two phones that register and call each other, for who has no phone at hand: what works here works with phones.
struct Demo {
    private let session: Session
    private let caller: DemoPhone
    private let called: DemoPhone
    private var steps: [String] = []

    init(_ session: Session, users: [String], server: String, isVerbose: Bool) throws(Failure) {
        self.session = session
        let file = try session.database()
        let isQuiet = session.json || !isVerbose
        func phone(_ user: String) throws(Failure) -> DemoPhone {
            let table = SQLiteFile.quoted(session.settings["SUB_TABLE"] ?? "subscriber")
            let rows = try file.rows("SELECT ha1 FROM \(table) WHERE username = ? AND ha1 <> '' LIMIT 1", [user]).rows
            guard let ha1 = rows.first?.first ?? nil else {
                throw .refused("the database has no user \(user): apusctl add \(user)@REALM makes one")
            }
            return try DemoPhone(DemoCredentials(user: user, ha1: ha1), server: server) { text in
                guard !isQuiet else { return }
                let indented = text.lines.map { $0.isEmpty ? "" : "    \($0.printable)" }
                Output.line(indented.joined(separator: "\n"))
            }
        }
        caller = try phone(users[0])
        called = try phone(users[1])
    }

    mutating func run() throws(Failure) {
        for phone in [caller, called] { try register(phone) }
        try call()
        for phone in [caller, called] {
            let replies = try phone.register(for: 0)
            try expect(replies.last?.status == 200, "\(phone.user) takes its contact away", replies.last)
        }
        if session.json { Output.json(.fields([("steps", .array(steps.map { .string($0) }))])) }
    }

    private mutating func register(_ phone: DemoPhone) throws(Failure) {
        let replies = try phone.register(for: 120)
        let way = replies.map { String($0.status) }.joined(separator: ", ")
        try expect(
            replies.last?.status == 200 && replies.last?["contact"].contains(phone.address) == true,
            "\(phone.user) registers at \(phone.address): \(way)", replies.last)
    }

    /// INVITE, 180, 200, ACK, BYE (RFC 3261 section 17 and 13).
    private mutating func call() throws(Failure) {
        let callID = DemoPhone.token()
        let (callerTag, calledTag) = (DemoPhone.token(), DemoPhone.token())
        let target = "sip:\(called.user)@\(caller.uri.split(separator: "@").last ?? "")"
        let invite = caller.request(
            "INVITE", target, to: "<\(target)>", callID: callID, fromTag: callerTag, body: Demo.offer(caller))
        try caller.send(invite)
        let arrived: DemoMessage
        do {
            arrived = try called.wait(for: "the INVITE", sending: nil) { $0.status == 0 && $0["call-id"] == callID }
        } catch {
            // The caller may know why.
            let reply = try? caller.wait(for: "a reply") { $0.status >= 300 }
            throw reply.map { .refused("the call was answered with \($0.reason)") } ?? error
        }
        step("\(caller.user) calls \(called.user): the INVITE arrives at \(called.address)")
        try called.send(arrived.reply("180 Ringing", tag: calledTag, ["Contact: \(called.contact)"]))
        _ = try caller.wait(for: "180 Ringing") { $0.status == 180 && $0["call-id"] == callID }
        step("\(called.user) rings")
        let answer = arrived.reply("200 OK", tag: calledTag, ["Contact: \(called.contact)"], body: Demo.offer(called))
        try called.send(answer)
        let accepted = try caller.wait(for: "200 OK") { $0.status == 200 && $0["call-id"] == callID }
        step("\(called.user) answers")
        let routes = accepted.all("record-route").reversed().map { "Route: \($0)" }
        let remote = accepted["contact"].drop { $0 != "<" }.dropFirst().prefix { $0 != ">" }
        let number = Int(accepted["cseq"].prefix { $0.isNumber }) ?? 1
        try caller.send(
            caller.request(
                "ACK", String(remote), to: accepted["to"], callID: callID, fromTag: callerTag, routes, cseq: number))
        _ = try called.wait(for: "ACK", sending: answer) { $0.method == "ACK" && $0["call-id"] == callID }
        step("\(caller.user) has heard it: they talk")
        let bye = caller.request("BYE", String(remote), to: accepted["to"], callID: callID, fromTag: callerTag, routes)
        try caller.send(bye)
        let ended = try called.wait(for: "BYE") { $0.method == "BYE" && $0.status == 0 && $0["call-id"] == callID }
        try called.send(ended.reply("200 OK", tag: calledTag))
        let last = try caller.wait(for: "the answer to BYE") { $0.method == "BYE" && $0.status >= 200 }
        try expect(last.status == 200, "\(caller.user) hangs up: \(last.reason)", last)
    }

    /// A session that nobody sends any media in.
    private static func offer(_ phone: DemoPhone) -> String {
        let host = phone.address.split(separator: ":").first ?? "127.0.0.1"
        return [
            "v=0", "o=- 1 1 IN IP4 \(host)", "s=-", "c=IN IP4 \(host)", "t=0 0", "m=audio 9 RTP/AVP 0", "a=inactive",
            "",
        ]
        .joined(separator: "\r\n")
    }

    private mutating func step(_ text: String) {
        steps.append(text)
        if !session.json { Output.line(text.printable) }
    }

    private mutating func expect(_ isGood: Bool, _ text: String, _ reply: DemoMessage?) throws(Failure) {
        if isGood { return step(text) }
        throw .refused("\(text): \(reply?.reason ?? "nothing came")")
    }
}

import Glibc

/// What of a request's text differs from one transaction to the next. The raw value marks the place in the template.
enum Hole: Character, CaseIterable {
    /// The transaction's number, eight hexadecimal digits.
    case number = "#"
    /// The user whom it is about, eight hexadecimal digits.
    case user = "%"
    /// Counts all transactions of a run: a CSeq.
    case serial = "&"
    /// The digest response of the user.
    case response = "$"
    /// The last two parts of a peer's address.
    case peer = "@"

    /// How many addresses the last two parts of one can tell apart when all have three digits.
    static var peers: Int { 156 * 156 }

    var width: Int {
        switch self {
        case .number, .user: 8
        case .peer: 7
        case .serial: 9
        case .response: 32
        }
    }

    var mark: String { String(repeating: rawValue, count: width) }
}

/// A request of a scenario: bytes with holes, and where the fields lie that answers repeat.
struct Request {
    static let numberDigits = 8

    let bytes: [UInt8]
    /// Where each kind of hole begins.
    let holes: [Hole: [Int]]
    let startLine: Range<Int>
    let via: Range<Int>
    let from: Range<Int>
    let to: Range<Int>
    let callID: Range<Int>
    let cseq: Range<Int>
    let body: Range<Int>
    /// Where in the Via line the number stands.
    let numberInVia: Int
    /// What the start line becomes on its way, when that is not as it was sent: the text before and behind the user.
    var onward: (head: [UInt8], tail: [UInt8])?
    /// Its answer has a Contact with the user's name.
    var bindsContact = false

    /// All requests that one transaction of the scenario (in `call`: one call) is made of, in order.
    /// - Parameters:
    ///   - server: whom they are sent to.
    ///   - uas: where the server sends them on, and what users register.
    ///   - hasPeers: the UAS has many addresses.
    static func all(
        _ scenario: Scenario, uac: Endpoint, server: Endpoint, uas: Endpoint?, hasPeers: Bool = false,
        challenge: Challenge? = nil
    ) -> [Request] {
        let target = hasPeers ? "127.1.\(Hole.peer.mark):\((uas ?? server).port)" : (uas ?? server).text
        switch scenario {
        case .optionsReply: return [Request("OPTIONS", uac: uac, target: target)]
        case .statelessForward, .ringing: return [Request("INVITE", uac: uac, target: target)]
        case .statefulRelay: return [Request("MESSAGE", uac: uac, target: target)]
        case .lookupAndRelay:
            var request = Request("MESSAGE", uac: uac, target: server.text, user: Hole.user.mark)
            request.onward = (Array("MESSAGE sip:".utf8), Array("@\(target) SIP/2.0".utf8))
            return [request]
        case .register, .registerAuth:
            return [register(uac: uac, server: server, contact: uas?.text ?? nobody, challenge)]
        case .call, .mediaCall:
            return [
                Request("INVITE", uac: uac, target: target),
                Request("ACK", uac: uac, target: target, route: server),
                Request("BYE", uac: uac, target: target, number: 2, route: server),
            ]
        }
    }

    /// - Parameters:
    ///   - user: of the Request-URI.
    ///   - route: within the dialog that the UAS has made, over the proxy that has recorded its route there.
    private init(
        _ method: String, uac: Endpoint, target: String, user: String = "bob", number: Int = 1, route: Endpoint? = nil
    ) {
        let hole = Hole.number.mark
        let at = method == "OPTIONS" ? "" : "\(user)@"
        let body = method == "INVITE" ? Request.sdp : method == "MESSAGE" ? "Watson, come here." : ""
        // The ACK to a 2xx and the BYE are transactions of their own.
        let branch = route == nil ? "" : method.lowercased()
        var headers = [
            "\(method) sip:\(at)\(target) SIP/2.0",
            "Via: SIP/2.0/UDP \(uac.text);branch=z9hG4bK\(branch)-\(hole)",
            "Max-Forwards: 70",
            "From: \"Alice\" <sip:alice@\(uac.text)>;tag=f\(hole)",
            "To: <sip:\(at)\(target)>\(route == nil ? "" : ";tag=uas")",
            "Call-ID: \(hole)-3848276298220188511@atlanta.example.com",
            "CSeq: \(number) \(method)",
            "Contact: <sip:alice@\(uac.text)>",
            "User-Agent: sipload",
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO",
        ]
        switch method {
        case "OPTIONS": headers.append("Accept: application/sdp")
        case "INVITE": headers += ["Supported: replaces, timer", "Content-Type: application/sdp"]
        case "MESSAGE": headers.append("Content-Type: text/plain")
        default: break
        }
        if let route { headers.append("Route: <sip:\(route.text);lr>") }
        self.init(headers: headers, body: body)
    }

    /// A contact that is kept and never used, the same in each run: it is refreshed, not replaced.
    private static let nobody = "127.0.0.1:9"

    /// A binding that is refreshed: each user keeps the Call-ID for the run, and its CSeq rises.
    private static func register(
        uac: Endpoint, server: Endpoint, contact: String, _ challenge: Challenge?
    ) -> Request {
        let user = Hole.user.mark
        var headers = [
            "REGISTER sip:\(server.text) SIP/2.0",
            "Via: SIP/2.0/UDP \(uac.text);branch=z9hG4bK-\(Hole.number.mark)",
            "Max-Forwards: 70",
            "From: <sip:\(user)@\(server.text)>;tag=f\(Hole.number.mark)",
            "To: <sip:\(user)@\(server.text)>",
            "Call-ID: \(user)-\(monotonic())@atlanta.example.com",
            "CSeq: \(Hole.serial.mark) REGISTER",
            "Contact: <sip:\(user)@\(contact)>",
            "Expires: 3600",
            "User-Agent: sipload",
        ]
        if let challenge {
            headers.append(
                "Authorization: Digest username=\"\(user)\", realm=\"\(challenge.realm)\", nonce=\"\(challenge.nonce)\", "
                    + "uri=\"sip:\(server.text)\", algorithm=MD5, response=\"\(Hole.response.mark)\"")
        }
        var request = Request(headers: headers, body: "")
        request.bindsContact = true
        return request
    }

    /// - Parameter headers: start line, Via, Max-Forwards, From, To, Call-ID, CSeq, and whatever else.
    private init(headers: [String], body: String) {
        var bytes: [UInt8] = []
        var lines: [Range<Int>] = []
        for header in headers + ["Content-Length: \(body.utf8.count)"] {
            lines.append(bytes.count..<bytes.count + header.utf8.count)
            bytes += Array(header.utf8) + [13, 10]
        }
        bytes += [13, 10]
        self.body = bytes.count..<bytes.count + body.utf8.count
        bytes += Array(body.utf8)
        holes = Dictionary(
            uniqueKeysWithValues: Hole.allCases.map { hole in
                let mark = Array(hole.mark.utf8)
                return (hole, bytes.indices.filter { bytes[$0...].starts(with: mark) })
            })
        self.bytes = bytes
        (startLine, via, from, to, callID, cseq) = (lines[0], lines[1], lines[3], lines[4], lines[5], lines[6])
        numberInVia = lines[1].count - Request.numberDigits
    }

    private static let sdp =
        [
            "v=0", "o=alice 2890844526 2890844526 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio 49170 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
        ].joined(separator: "\r\n") + "\r\n"
}

/// Writes a number as eight hexadecimal digits.
func writeHex(_ number: UInt32, to bytes: UnsafeMutablePointer<UInt8>) {
    for digit in 0..<Request.numberDigits {
        let nibble = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * digit)) & 15
        bytes[digit] = nibble < 10 ? 48 &+ nibble : 87 &+ nibble
    }
}

/// Writes the last two parts of the address of a peer: 100.100 to 255.255.
func writePeer(_ peer: Int, to bytes: UnsafeMutablePointer<UInt8>) {
    for (place, part) in [(0, 100 + peer / 156), (4, 100 + peer % 156)] {
        bytes[place] = 48 &+ UInt8(part / 100)
        bytes[place + 1] = 48 &+ UInt8(part / 10 % 10)
        bytes[place + 2] = 48 &+ UInt8(part % 10)
    }
    bytes[3] = UInt8(ascii: ".")
}

/// Writes a number of at most nine digits.
func writeDecimal(_ number: UInt32, to bytes: UnsafeMutablePointer<UInt8>) {
    var rest = number
    for digit in stride(from: Hole.serial.width - 1, through: 0, by: -1) {
        bytes[digit] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
    }
}

/// Reads eight hexadecimal digits; nil when they are none.
func readHex(_ bytes: UnsafePointer<UInt8>) -> UInt32? {
    var number: UInt32 = 0
    for digit in 0..<Request.numberDigits {
        let byte = bytes[digit]
        switch byte {
        case 48...57: number = number << 4 | UInt32(byte &- 48)
        case 97...102: number = number << 4 | UInt32(byte &- 87)
        default: return nil
        }
    }
    return number
}

import Glibc

/// A request of a scenario: bytes with three holes for the transaction's number, and where the fields lie that answers repeat.
struct Request {
    static let numberDigits = 8

    let bytes: [UInt8]
    /// Where the eight hexadecimal digits of the number go.
    let holes: [Int]
    let startLine: Range<Int>
    let via: Range<Int>
    let from: Range<Int>
    let to: Range<Int>
    let callID: Range<Int>
    let cseq: Range<Int>
    let body: Range<Int>
    /// Where in the Via line the number stands.
    let numberInVia: Int

    /// All requests that one transaction of the scenario (in `call`: one call) is made of, in order.
    static func all(_ scenario: Scenario, uac: Endpoint, target: Endpoint) -> [Request] {
        switch scenario {
        case .optionsReply: [Request("OPTIONS", uac: uac, target: target)]
        case .statelessForward: [Request("INVITE", uac: uac, target: target)]
        case .statefulRelay: [Request("MESSAGE", uac: uac, target: target)]
        case .call:
            [
                Request("INVITE", uac: uac, target: target), Request("ACK", uac: uac, target: target, toTag: true),
                Request("BYE", uac: uac, target: target, number: 2, toTag: true),
            ]
        }
    }

    /// - Parameter toTag: with the tag that the UAS has given.
    init(_ method: String, uac: Endpoint, target: Endpoint, number: Int = 1, toTag: Bool = false) {
        let hole = "########"
        let user = method == "OPTIONS" ? "" : "bob@"
        let body = method == "INVITE" ? Request.sdp : method == "MESSAGE" ? "Watson, come here." : ""
        // The ACK to a 2xx and the BYE are transactions of their own.
        let branch = toTag ? method.lowercased() : ""
        var headers = [
            "\(method) sip:\(user)\(target.text) SIP/2.0",
            "Via: SIP/2.0/UDP \(uac.text);branch=z9hG4bK\(branch)-\(hole)",
            "Max-Forwards: 70",
            "From: \"Alice\" <sip:alice@\(uac.text)>;tag=f\(hole)",
            "To: <sip:\(user)\(target.text)>\(toTag ? ";tag=uas" : "")",
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
        headers.append("Content-Length: \(body.utf8.count)")

        var bytes: [UInt8] = []
        var lines: [Range<Int>] = []
        for header in headers {
            lines.append(bytes.count..<bytes.count + header.utf8.count)
            bytes += Array(header.utf8) + [13, 10]
        }
        bytes += [13, 10]
        self.body = bytes.count..<bytes.count + body.utf8.count
        bytes += Array(body.utf8)
        let mark = Array(hole.utf8)
        holes = bytes.indices.filter { bytes[$0...].starts(with: mark) }
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

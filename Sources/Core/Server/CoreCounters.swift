/// The core's own statistics, group `core`, under the names that Kamailio's module kex gives them.
struct CoreCounters {
    let rcvRequests, rcvReplies: StatisticID
    let fwdRequests, fwdReplies: StatisticID
    let dropRequests, dropReplies: StatisticID
    let errRequests, errReplies: StatisticID
    let badURIs, unsupportedMethods, badHeaders: StatisticID
    /// Datagrams that are no SIP at all.
    let notSIP: StatisticID
    /// Requests that repeat one whose script waits.
    let absorbed: StatisticID
    /// By the place of the method's bit.
    private let methods: [32 of StatisticID]
    /// By class, 1 to 6.
    private let classes: [8 of StatisticID]
    let sentRequests, sentReplies: StatisticID
    /// By the place of the method's bit; `none` for methods that the server does not know.
    private let sentMethods: [32 of StatisticID]
    /// By class, 1 to 6.
    private let sentClasses: [8 of StatisticID]
    /// Of 180 to 189.
    private let ringing: StatisticID
    /// Of 400 to 499, for those that are counted alone; `none` for the others.
    private let refusals: [100 of StatisticID]
    private static let none = StatisticID(index: UInt32.max)

    init(_ statistics: Statistics) throws(StatisticsFull) {
        func declare(_ name: String, _ doc: String) throws(StatisticsFull) -> StatisticID {
            guard let id = statistics.declare("core", name, doc) else { throw StatisticsFull() }
            return id
        }
        rcvRequests = try declare("rcv_requests", "Requests received.")
        rcvReplies = try declare("rcv_replies", "Replies received.")
        fwdRequests = try declare("fwd_requests", "Requests forwarded without a transaction.")
        fwdReplies = try declare("fwd_replies", "Replies forwarded without a transaction.")
        dropRequests = try declare("drop_requests", "Requests dropped.")
        dropReplies = try declare("drop_replies", "Replies dropped.")
        errRequests = try declare("err_requests", "Requests that could not be parsed or whose script failed.")
        errReplies = try declare("err_replies", "Replies that could not be parsed.")
        badURIs = try declare("bad_URIs_rcvd", "Request-URIs that are none.")
        unsupportedMethods = try declare("unsupported_methods", "Requests with a method that the server does not know.")
        badHeaders = try declare("bad_msg_hdr", "Messages with a bad header field.")
        notSIP = try declare("not_sip", "Datagrams that are no SIP messages.")
        absorbed = try declare("absorbed_requests", "Repeated requests whose first one still waits in the script.")
        var methods: [32 of StatisticID] = InlineArray(repeating: unsupportedMethods)
        let counted: [Method] = [
            .invite, .cancel, .ack, .bye, .info, .register, .subscribe, .notify, .message, .options, .prack, .update,
            .refer, .publish, .kdmq,
        ]
        for method in counted {
            let name = "\(method.name)"
            methods[method.rawValue.trailingZeroBitCount] = try declare(
                "rcv_requests_\(name.lowercased())", "\(name) requests received.")
        }
        self.methods = methods
        var classes: [8 of StatisticID] = InlineArray(repeating: rcvReplies)
        for digit in 1...6 { classes[digit] = try declare("rcv_replies_\(digit)xx", "\(digit)xx replies received.") }
        self.classes = classes
        sentRequests = try declare(
            "sent_requests", "Requests sent, own and forwarded ones, each transmission for itself.")
        sentReplies = try declare("sent_replies", "Replies sent, own and forwarded ones, each transmission for itself.")
        var sentMethods: [32 of StatisticID] = InlineArray(repeating: CoreCounters.none)
        for method in counted {
            let name = "\(method.name)"
            sentMethods[method.rawValue.trailingZeroBitCount] = try declare(
                "sent_requests_\(name.lowercased())", "\(name) requests sent.")
        }
        self.sentMethods = sentMethods
        var sentClasses: [8 of StatisticID] = InlineArray(repeating: CoreCounters.none)
        for digit in 1...6 { sentClasses[digit] = try declare("sent_replies_\(digit)xx", "\(digit)xx replies sent.") }
        self.sentClasses = sentClasses
        ringing = try declare("rcv_replies_18x", "180 to 189 replies received.")
        var refusals: [100 of StatisticID] = InlineArray(repeating: CoreCounters.none)
        for code in Array(400...411) + [413, 414, 415, 420] + Array(480...489) + [491, 493] {
            refusals[code - 400] = try declare("rcv_replies_\(code)", "\(code) replies received.")
        }
        self.refusals = refusals
    }

    /// The counter of that method's requests.
    @inline(__always)
    func method(_ method: Method) -> StatisticID { methods[method.rawValue.trailingZeroBitCount] }

    /// The counter of that method's requests that leave, if it has one.
    @inline(__always)
    func sent(_ method: Method) -> StatisticID? {
        let id = sentMethods[method.rawValue.trailingZeroBitCount]
        return id == CoreCounters.none ? nil : id
    }

    /// The counter of the replies that leave with a status code of that class, 1 to 6.
    @inline(__always)
    func sentClass(_ digit: Int) -> StatisticID? {
        let id = sentClasses[digit & 7]
        return id == CoreCounters.none ? nil : id
    }

    /// The counter of that status code's class.
    @inline(__always)
    func replyClass(_ code: UInt16) -> StatisticID { classes[Int(code / 100) & 7] }

    /// The counter of that status code alone, if it has one.
    @inline(__always)
    func reply(_ code: UInt16) -> StatisticID? {
        if code / 10 == 18 { return ringing }
        guard code / 100 == 4, refusals[Int(code % 100)] != CoreCounters.none else { return nil }
        return refusals[Int(code % 100)]
    }
}

/// There is no room for another statistic.
struct StatisticsFull: Error {}

/// One branch as the called side knows it.
struct StressLeg {
    /// The INVITE's Via lines; empty: it has not come.
    var vias: [UInt8] = []
    /// The port that the request came to.
    var socket = 0
    /// A reply other than 100 was sent.
    var hasReplied = false
    /// The final reply that was sent; 0: none yet.
    var final = 0
    var isCancelled = false
    var isAcknowledged = false
    /// The last reply, for repetitions.
    var lastReply: [UInt8] = []
    var repetitions = 0

    var isReached: Bool { !vias.isEmpty }
    var needsACK: Bool { final > 0 && !isAcknowledged }
}

/// One transaction as its caller knows it, with its branches.
struct StressCall {
    let plan: CallPlan
    /// Index of the caller's socket.
    let socket: Int
    var request: [UInt8] = []
    var hasBegun = false
    var hasHeard = false
    var cancelSent = false
    var cancelAnswered = false
    var repetitions = 0
    /// Final replies to the request, each once.
    var finals: [(status: Int, tag: String)] = []
    var legs = [StressLeg](repeating: StressLeg(), count: 4)

    /// Everybody has what is due.
    var isComplete: Bool {
        !finals.isEmpty && (!cancelSent || cancelAnswered)
            && legs.allSatisfy { !$0.isReached || ($0.final > 0 && (!plan.isInvite || !$0.needsACK)) }
            && answered.allSatisfy { leg in !plan.isInvite || finals.contains { $0.tag == StressCall.tag(leg, 200) } }
    }

    /// Branches that sent a 2xx.
    var answered: [Int] { legs.indices.filter { (200..<300).contains(legs[$0].final) } }

    /// The To tag of a branch's reply: it says which branch, and whether the reply is a 2xx.
    static func tag(_ leg: Int, _ status: Int) -> String { "leg\(leg)-\(status < 300 ? "ok" : "no")" }

    /// What is wrong about the outcome; nil when it is one of those that the replies of the branches allow.
    var fault: String? {
        guard !finals.isEmpty else { return "no final reply" }
        if cancelSent, !cancelAnswered { return "the CANCEL is not answered" }
        for (index, leg) in legs.enumerated() where leg.isReached {
            if leg.final == 0 { return "branch \(index) is left alone" }
            if plan.isInvite, leg.needsACK { return "the \(leg.final) of branch \(index) is not acknowledged" }
        }
        let positive = finals.filter { $0.status < 300 }
        let negative = finals.filter { $0.status >= 300 }
        if !answered.isEmpty {
            guard negative.isEmpty else { return "a branch answered, and the caller heard \(negative)" }
            if !plan.isInvite { return positive.count == 1 ? nil : "\(positive.count) replies to one request" }
            let expected = Set(answered.map { StressCall.tag($0, 200) })
            return Set(positive.map(\.tag)) == expected ? nil : "2xx of \(expected), the caller heard \(positive)"
        }
        guard positive.isEmpty, negative.count == 1 else { return "not one negative reply: \(finals)" }
        return allowed.contains(negative[0].status) ? nil : "\(negative[0].status) is none of \(allowed.sorted())"
    }

    /// The negative outcomes that can be.
    private var allowed: Set<Int> {
        let sent = legs.map(\.final).filter { $0 >= 300 }
        if cancelSent { return Set(sent.map(StressCall.forwarded) + [487]) }
        // Once a failure route has begun a second leg, the first one's replies count no more.
        let counted = legs[3].isReached ? [legs[3].final] : sent
        guard let best = counted.min(by: { rank($0) < rank($1) }) else { return [] }
        return [StressCall.forwarded(best)]
    }

    /// A 503 does not speak for the proxy.
    private static func forwarded(_ status: Int) -> Int { status == 503 ? 500 : status }
}

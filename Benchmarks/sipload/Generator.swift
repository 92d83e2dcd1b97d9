import Glibc

/// Plays the UAC, and where the server forwards requests the UAS as well, on one thread that never sleeps: so a server never pays for waking it.
struct Generator: ~Copyable {
    private let options: Options
    private let uac: Socket
    private let uas: Socket
    private let checks: [Check]
    private var slots: Slots
    private let outgoing: Batch
    private let incoming: Batch
    private let answers: Batch
    private var counters = Counters()
    /// From a request to its final answer, of a call's INVITE; within the measured time.
    private var latencies = Latencies()
    private var measures = false
    /// When the traffic began, for the schedule of `--rate`, and how many were started since.
    private var began: UInt64 = 0
    private var scheduled = 0
    /// When transactions without answer are looked for again.
    private var nextReview: UInt64 = 0

    /// After this long without its answer a transaction is lost. Nanoseconds.
    private static let patience: UInt64 = 1_000_000_000

    struct Counters {
        var right = 0
        var lost = 0
        var late = 0
        var wrong = 0
        /// At `--rate`: transactions that were due while the window was full.
        var heldBack = 0
    }

    init(_ options: Options) throws {
        guard let server = options.server else { throw UsageError("--to is missing") }
        if options.scenario.hasUsers, !options.againstBare { try Generator.register(options) }
        try self.init(options, server)
    }

    private init(_ options: Options, _ server: Endpoint) throws {
        let uac = try Socket(bind: Endpoint("127.0.0.1:0"))
        let uas = try Socket(bind: options.uas.map { options.peers > 1 ? $0.anywhere : $0 } ?? Endpoint("127.0.0.1:0"))
        try uac.connect(to: server)
        let challenge =
            options.scenario == .registerAuth && !options.againstBare ? try Challenge(from: server) : nil
        let users = try Users(options.users, challenge, uri: "sip:\(server.text)")
        let requests = Request.all(
            options.scenario, uac: uac.local, server: server, uas: options.uas, hasPeers: options.peers > 1,
            challenge: challenge)
        checks = requests.enumerated().map {
            Check(
                request: $0.element, which: $0.offset, lastAnswer: options.scenario.lastAnswer,
                againstBare: options.againstBare,
                isAnswered: options.scenario == .mediaCall && $0.offset == 0)
        }
        slots = Slots(
            options.rate == nil ? options.window : max(options.window, 1024), requests, users,
            peers: options.peers)
        self.options = options
        self.uac = uac
        self.uas = uas
        outgoing = Batch(options.batch)
        incoming = Batch(options.batch)
        answers = Batch(options.batch)
    }

    /// Makes all users register what they are reached by: then every REGISTER is a refresh, and every lookup finds somebody.
    private static func register(_ options: Options) throws {
        guard let server = options.server else { return }
        var options = options
        if options.scenario == .lookupAndRelay { options.scenario = .register }
        options.rate = nil
        var generator = try Generator(options, server)
        var begun = 0
        while begun < options.users || generator.slots.underWay > 0, generator.counters.lost == 0 {
            begun += generator.turn(atMost: options.users - begun)
        }
        guard generator.counters.right == options.users else {
            throw UsageError("of \(options.users) users \(generator.counters.right) could register")
        }
    }

    /// Warms up, measures, waits for the last answers.
    mutating func run() throws -> Result {
        began = monotonic()
        nextReview = began + Generator.patience
        let warm = began + UInt64(options.warmUp * 1e9)
        while monotonic() < warm { turn() }

        let before = try options.pid.map { try ProcessorTime(of: $0) }
        let memoryBefore = try options.counters.map { try MemoryCounters(file: $0) }
        let atStart = counters
        measures = true
        let start = monotonic()
        let end = start + UInt64(options.seconds * 1e9)
        while monotonic() < end { turn() }
        let seconds = Double(monotonic() - start) / 1e9
        measures = false
        let after = try options.pid.map { try ProcessorTime(of: $0) }
        let memoryAfter = try options.counters.map { try MemoryCounters(file: $0) }
        let transactions = counters.right - atStart.right

        let patience = monotonic() + Generator.patience
        while slots.underWay > 0 && monotonic() < patience { receive() }
        counters.lost += slots.underWay
        return Result(
            scenario: options.scenario, transactions: transactions, seconds: seconds, counters: counters,
            median: latencies.quantile(0.5), p99: latencies.quantile(0.99),
            spent: before.flatMap { before in after.map { $0.since(before) } },
            memory: memoryBefore.flatMap { before in memoryAfter.map { $0.since(before) } })
    }

    /// Starts what is due, then takes in what has come.
    /// - Returns: how many were started.
    @discardableResult
    private mutating func turn(atMost limit: Int = .max) -> Int {
        let now = monotonic()
        var allowed = min(slots.freeCount, limit)
        if let rate = options.rate {
            let due = Int(Double(now - began) * Double(rate) / 1e9) - scheduled
            if due > allowed { counters.heldBack += due - allowed }
            scheduled += due
            allowed = min(allowed, due)
        }
        let started = allowed
        while allowed > 0 {
            let count = min(allowed, outgoing.capacity)
            for index in 0..<count {
                let slot = slots.start(at: now)
                outgoing.set(index, to: slots.request(slot), count: checks[0].request.bytes.count, name: nil)
            }
            outgoing.send(uac, count)
            allowed -= count
        }
        receive()
        if now > nextReview {
            counters.lost += slots.giveUp(before: now - Generator.patience)
            nextReview = now + Generator.patience / 10
        }
        return started
    }

    private mutating func receive() {
        if options.scenario.hasUAS { answer() }
        let count = incoming.receive(uac)
        var next = 0
        for index in 0..<count {
            let bytes = UnsafePointer(incoming.slot(index))
            let length = incoming.count(index)
            let isEcho = options.againstBare && !options.scenario.hasUAS
            let which = options.scenario.isCall ? Check.which(bytes, length) : 0
            let check = checks[which]
            switch isEcho ? check.echo(bytes, length, slots) : check.response(bytes, length, slots) {
            case .right(let slot):
                if measures, which == 0 { latencies.add(monotonic() - slots.start(of: slot)) }
                if options.scenario.isCall, which == 0 {
                    if next + 2 > outgoing.capacity { flush(&next) }
                    for request in 1...2 {
                        outgoing.set(
                            next, to: slots.request(slot, request), count: checks[request].request.bytes.count,
                            name: nil)
                        next += 1
                    }
                } else {
                    slots.end(slot)
                    counters.right += 1
                }
            case .provisional: break
            case .late: counters.late += 1
            case .wrong: wrong("answer", bytes, length)
            }
        }
        flush(&next)
    }

    private func flush(_ count: inout Int) {
        if count > 0 { outgoing.send(uac, count) }
        count = 0
    }

    /// The UAS: a 200 for every request that arrived as it should, to where it came from; to an INVITE of a call a 180 first.
    private mutating func answer() {
        let count = incoming.receive(uas)
        var sending = 0
        for index in 0..<count {
            let bytes = UnsafePointer(incoming.slot(index))
            let which = options.scenario.isCall ? Check.which(bytes, incoming.count(index)) : 0
            let (verdict, fields) = checks[which].forwarded(bytes, incoming.count(index), slots)
            switch verdict {
            case .right:
                if which == 1 { continue }
                if sending + 2 > answers.capacity {
                    answers.send(uas, sending)
                    sending = 0
                }
                let isCall = options.scenario.isCall && which == 0
                for status in isCall ? ["180 Ringing", "200 OK"] as [StaticString] : [options.scenario.lastAnswer] {
                    let slot = answers.slot(sending)
                    let isLast = !isCall || status.utf8CodeUnitCount == 6
                    let body = isLast ? checks[which].answer : nil
                    let length = Generator.writeAnswer(status, fields, hasTag: which == 2, body: body, to: slot)
                    answers.set(sending, to: slot, count: length, name: incoming.name(index))
                    sending += 1
                }
            case .late: counters.late += 1
            case .provisional, .wrong: wrong("request at the UAS", bytes, incoming.count(index))
            }
        }
        answers.send(uas, sending)
    }

    /// Writes the answer to a request; its length. All lines are copies of the request's, which fits a slot with room to spare.
    private static func writeAnswer(
        _ status: StaticString, _ fields: Check.Fields, hasTag: Bool, body: ArraySlice<UInt8>?,
        to memory: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var length = 0
        func add(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
            memcpy(memory + length, bytes, count)
            length += count
        }
        func add(_ text: StaticString) { add(text.utf8Start, text.utf8CodeUnitCount) }
        func add(_ line: Check.Line?) {
            if let line { add(line.start, line.count) }
        }
        add("SIP/2.0 ")
        add(status)
        add("\r\n")
        if fields.vias == 2 {
            add(fields.firstVia)
            add("\r\n")
        }
        add(fields.lastVia)
        add("\r\n")
        add(fields.from)
        add("\r\n")
        add(fields.to)
        add(hasTag ? "\r\n" : ";tag=uas\r\n")
        add(fields.callID)
        add("\r\n")
        add(fields.cseq)
        if let route = fields.recordRoute {
            add("\r\n")
            add(route)
        }
        add("\r\nContact: <sip:uas@127.0.0.1>\r\nUser-Agent: sipload\r\n")
        guard let body else {
            add("Content-Length: 0\r\n\r\n")
            return length
        }
        add("Content-Type: application/sdp\r\nContent-Length: ")
        for digit in Array("\(body.count)\r\n\r\n".utf8) {
            memory[length] = digit
            length += 1
        }
        body.withUnsafeBufferPointer { if let start = $0.baseAddress { add(start, $0.count) } }
        return length
    }

    private mutating func wrong(_ what: String, _ bytes: UnsafePointer<UInt8>, _ count: Int) {
        counters.wrong += 1
        if counters.wrong == 1 {
            let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
            complain("the first wrong \(what):\n\(text)")
        }
    }
}

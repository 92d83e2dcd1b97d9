import Glibc

/// The scenarios, by what the server does with a request.
enum Scenario: String {
    case optionsReply = "options-reply"
    case statelessForward = "stateless-forward"
    case statefulRelay = "stateful-relay"
    case call
    case ringing
    case mediaCall = "media-call"
    case register
    case registerAuth = "register-auth"
    case lookupAndRelay = "lookup-and-relay"

    /// The server sends requests on, to the UAS that this program plays.
    var hasUAS: Bool {
        switch self {
        case .optionsReply, .register, .registerAuth: false
        case .statelessForward, .statefulRelay, .call, .mediaCall, .ringing, .lookupAndRelay: true
        }
    }

    /// Its transactions end with this answer of the UAS.
    var lastAnswer: StaticString { self == .ringing ? "180 Ringing" : "200 OK" }

    /// INVITE, ACK and BYE.
    var isCall: Bool { self == .call || self == .mediaCall }

    /// Users must have registered before.
    var hasUsers: Bool { self == .register || self == .registerAuth || self == .lookupAndRelay }
}

/// The command line.
struct Options {
    var scenario = Scenario.optionsReply
    var isBare = false
    var server: Endpoint?
    var uas: Endpoint?
    var listen: Endpoint?
    var window = 64
    var rate: Int?
    var seconds = 4.0
    var warmUp = 1.0
    var pid: Int?
    var counters: String?
    var core: Int?
    var batch = 32
    var users = 10_000
    var peers = 1
    var againstBare = false

    init(_ arguments: [String]) throws {
        var words = arguments[...]
        if words.first == "bare" {
            isBare = true
            words.removeFirst()
        }
        guard let name = words.popFirst(), let scenario = Scenario(rawValue: name) else {
            throw UsageError("a scenario is missing\n\n" + Command.usage)
        }
        self.scenario = scenario
        while let option = words.popFirst() {
            if option == "--against-bare" {
                againstBare = true
                continue
            }
            guard let value = words.popFirst() else { throw UsageError("\(option) wants a value") }
            try set(option, value)
        }
        try check()
    }

    private mutating func set(_ option: String, _ value: String) throws {
        func number(_ range: ClosedRange<Int>) throws -> Int {
            guard let number = Int(value), range.contains(number) else {
                throw UsageError("\(option) wants a number in \(range), not \(value)")
            }
            return number
        }
        func seconds() throws -> Double {
            guard let number = Double(value), number >= 0, number < 3600 else {
                throw UsageError("\(option) wants seconds, not \(value)")
            }
            return number
        }
        switch option {
        case "--to": server = try Endpoint(value)
        case "--uas": uas = try Endpoint(value)
        case "--listen": listen = try Endpoint(value)
        case "--window": window = try number(1...Slots.capacity)
        case "--rate": rate = try number(1...10_000_000)
        case "--seconds": self.seconds = try seconds()
        case "--warm-up": warmUp = try seconds()
        case "--pid": pid = try number(1...(1 << 22))
        case "--counters": counters = value
        case "--core": core = try number(0...1023)
        case "--users": users = try number(1...1_000_000)
        case "--peers": peers = try number(1...Hole.peers)
        case "--batch": batch = try number(1...256)
        default: throw UsageError("unknown option \(option)\n\n" + Command.usage)
        }
    }

    private func check() throws {
        if isBare && listen == nil { throw UsageError("bare wants --listen") }
        if !isBare && server == nil { throw UsageError("\(scenario.rawValue) wants --to") }
        if scenario.hasUAS && !isBare && uas == nil { throw UsageError("\(scenario.rawValue) wants --uas") }
    }
}

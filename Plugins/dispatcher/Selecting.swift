import Destinations
import PluginKit
import RoutingKit
import Synchronization

// Invariants: run on the home worker of their Call-ID, in one go: picks and places are the worker's, and point into the snapshot in force, which stays until the
// function returns.

private let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_EVENT_ROUTE | APUS_LOCAL_ROUTE | APUS_BRANCH_ROUTE

/// Functions that select destinations.
func declareSelecting(_ host: Host) {
    host.function(
        "ds_select_dst", "set:int, algorithm:int, limit:int?", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Selects a destination of a set and makes it the next hop.", prepare: checkAlgorithm
    ) { $0.select(.destination) }
    host.function(
        "ds_select_domain", "set:int, algorithm:int, limit:int?", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Selects a destination of a set and makes it host and port of the Request-URI.", prepare: checkAlgorithm
    ) { $0.select(.domain) }
    host.function(
        "ds_select", "set:int, algorithm:int, limit:int?",
        doc: "Selects destinations of a set for ds_next_dst and ds_set_dst.", prepare: checkAlgorithm
    ) { $0.select(.nothing) }
    host.function(
        "ds_select_routes", "rules:format, mode:format, limit:int?", flags: APUS_SETS_DESTINATION,
        doc: "Selects of several sets, \"1=4;2=8\"; the first goes to d(estination), r(equest URI) or x (neither).",
        call: selectRoutes)
}

/// What becomes of the first destination.
enum Use {
    case destination, domain, nothing
}

/// Whether a constant algorithm is one that works.
private let checkAlgorithm: Preparation = { host, index, constant, _, complaint in
    guard index == 1, let number = constant.number else { return .true }
    let settings = state.pointee.settings
    let algorithm = Algorithm(rawValue: number)
    if algorithm == nil || algorithm == .first {
        state.pointee.shared.pointee.takesFirst.store(true, ordering: .relaxed)
    }
    switch algorithm {
    case nil:
        host.log(.warning, "there is no algorithm \(number): the first destination of the set is taken")
    case .text where settings.hashText.isEmpty:
        return complaint.say("algorithm 7 needs the parameter hash_pvar")
    case .load where !settings.countsCalls:
        host.log(.notice, "algorithm 10 needs ds_hash_size: the first destination is taken, as by algorithm 8")
    default: break
    }
    return .true
}

extension Call {
    /// `ds_select_dst(set, algorithm[, limit])` and its like.
    fileprivate func select(_ use: Use) -> CInt {
        guard isFree(use), let worker = host.workerState else { return .false }
        let limit = limit(2)
        let algorithm = algorithm(int(1))
        var count = 0
        guard pick(int(0), algorithm, limit, worker, &count), count > 0 else {
            host.bump(state.pointee.failedSelections)
            return .false
        }
        host.bump(state.pointee.selections)
        if algorithm == .parallel { return fork(worker, count, use) }
        return follow(worker, count, use)
    }

    /// How many destinations are kept, by an optional argument; all of the set without it.
    fileprivate func limit(_ index: Int) -> Int {
        has(index) && int(index) > 0 ? Int(clamping: int(index)) : .max
    }

    /// force_dst: the request may be given another destination.
    fileprivate func isFree(_ use: Use) -> Bool {
        guard use == .destination, state.pointee.settings.forceDestination == 0,
            !message.field(APUS_FIELD_DESTINATION_URI).isEmpty
        else { return true }
        log(.error, "ds_select_dst: the request has a destination already, and force_dst is 0")
        return false
    }

    /// Keeps what was selected and uses the first of it.
    fileprivate func follow(_ worker: UnsafeMutablePointer<WorkerState>, _ count: Int, _ use: Use) -> CInt {
        let first = worker.pointee.picks[0]
        note(first, worker)
        keep(worker.pointee.picks, count)
        switch use {
        case .destination: return sendTo(first.destination.pointee.uri, first.destination)
        case .domain: return rewrite(first.destination.pointee.uri, first.destination)
        case .nothing: return .true
        }
    }

    /// The algorithm of that number; what there is not is the first destination.
    fileprivate func algorithm(_ number: Int64) -> Algorithm {
        if let known = Algorithm(rawValue: number) { return known }
        let now = host.now
        let last = state.pointee.shared.pointee.toldUnknown.load(ordering: .relaxed)
        if last == 0 || now >= last + 60_000,
            state.pointee.shared.pointee.toldUnknown.compareExchange(
                expected: last, desired: max(1, now), ordering: .relaxed
            ).exchanged
        {
            log(.warning, "there is no such algorithm: the first destination of the set is taken")
        }
        return .first
    }

    /// Appends what an algorithm selects of a set to the worker's picks, of which there are `count`. False when the set is unknown.
    fileprivate func pick(
        _ id: Int64, _ wanted: Algorithm, _ limit: Int, _ worker: UnsafeMutablePointer<WorkerState>, _ count: inout Int
    ) -> Bool {
        guard let set = state.snapshot?.find(id) else {
            log(.error, "there is no such destination set")
            return false
        }
        var known = Circumstances()
        known.isConsistent = state.pointee.settings.hashConsistent != 0
        known.knowsLatency = state.pointee.settings.latencyStatistics != 0
        var algorithm = wanted
        switch wanted {
        case .callID, .from, .to, .requestURI, .text:
            guard let hash = hash(wanted) else { return false }
            known.hash = hash
        case .user:
            if let user = digestUser { known.hash = hashed(user, "") } else { algorithm = .roundRobin }
        case .random, .service: known.chance = worker.pointee.chance()
        case .overload: known.now = host.now
        case .load:
            let isCall = message.isRequest && message.method == APUS_METHOD_INVITE
            if !isCall || worker.pointee.calls == nil || !isHome { algorithm = .first } else { endCall(worker) }
        default: break
        }
        let keepsOthers = state.pointee.settings.keepsOthers || wanted == .parallel
        worker.pointee.reserve(places: set.pointee.count)
        let chosen = set.choose(algorithm, known)
        let found = set.list(algorithm, chosen, into: worker.pointee.places, limit: keepsOthers ? limit : 1)
        worker.pointee.reserve(picks: count + found, used: count)
        for index in 0..<found {
            (worker.pointee.picks + count + index).initialize(
                to: Pick(set: set, place: Int(worker.pointee.places[index])))
        }
        if algorithm == .load, found > 0 { countCall(chosen, worker, at: count) }
        count += found
        return true
    }

    /// A call was counted on the chosen one; without one the last resort takes it.
    private func countCall(_ chosen: Int?, _ worker: UnsafeMutablePointer<WorkerState>, at first: Int) {
        if chosen != nil {
            worker.pointee.picks[first].isCounted = true
        } else {
            let one = worker.pointee.picks[first].destination
            worker.pointee.picks[first].isCounted =
                one.pointee.isCounted && one.pointee.cell.pointee.record.take(one.pointee.cell)
        }
    }

    // MARK: - Keys

    /// Nil with the reason in the log.
    private func hash(_ algorithm: Algorithm) -> UInt32? {
        switch algorithm {
        case .callID:
            let id = message.field(APUS_FIELD_CALL_ID)
            if !id.isEmpty { return hashed(id, "") }
            log(.error, "the request has no Call-ID to hash")
        case .from: return hash(uri: message.field(APUS_FIELD_FROM_URI))
        case .to: return hash(uri: message.field(APUS_FIELD_TO_URI))
        case .requestURI: return hash(uri: message.field(APUS_FIELD_REQUEST_URI))
        default:
            if let text = expand(state.pointee.hashText), !text.isEmpty { return hashed(text, "") }
            log(.error, "hash_pvar is not set, or its text is empty")
        }
        return nil
    }

    private func hashed(_ first: apus_str, _ second: apus_str) -> UInt32 {
        message.api.pointee.hash(first, second)
    }

    /// Over the user, and host with the port if that is no usual one.
    private func hash(uri text: apus_str) -> UInt32? {
        guard let uri = message.parse(uri: text) else {
            log(.error, "there is no URI to hash")
            return nil
        }
        let user = uri.user.isNull ? "" : uri.user
        if state.pointee.settings.hashesUsers { return hashed(user, "") }
        guard let host = uri.host.s, let start = text.s else { return hashed(user, "") }
        var place = uri.host
        if let port = uri.port.s, !uri.port.isEmpty, uri.port_number != (uri.scheme == 2 ? 5061 : 5060) {
            // Host, colon and port stand one behind the other.
            place = text[(host - start)..<(port - start) + uri.port.len]
        }
        return hashed(user, place)
    }

    /// Of Proxy-Authorization, else of Authorization.
    private var digestUser: apus_str? {
        for name: apus_str in ["Proxy-Authorization", "Authorization"] {
            var user: apus_str?
            message.eachHeader(name) { header in
                var credentials = apus_credentials()
                credentials.size = UInt32(MemoryLayout<apus_credentials>.size)
                if message.api.pointee.parse_credentials(header.value, &credentials) > 0, !credentials.username.isEmpty
                {
                    user = credentials.username
                }
                return user == nil
            }
            if let user { return user }
        }
        return nil
    }

    // MARK: - All at once

    /// Algorithm 12: the first destination is the request's own, the others become branches. 2 when not all could.
    private func fork(_ worker: UnsafeMutablePointer<WorkerState>, _ count: Int, _ use: Use) -> CInt {
        let first = worker.pointee.picks[0]
        let answer: CInt
        switch use {
        case .destination: answer = sendTo(first.destination.pointee.uri, first.destination)
        case .domain: answer = rewrite(first.destination.pointee.uri, first.destination)
        case .nothing: return .true
        }
        guard answer > 0 else { return answer }
        var isWhole = true
        for index in 1..<max(1, count) {
            let one = worker.pointee.picks[index].destination
            var branch = apus_branch()
            branch.size = UInt32(MemoryLayout<apus_branch>.size)
            branch.q = Int32(APUS_NO_Q)
            branch.send_through = one.pointee.listener ?? state.pointee.defaultListener
            if use == .destination {
                branch.uri = message.field(APUS_FIELD_REQUEST_URI)
                branch.destination = one.pointee.uri
            } else {
                guard let uri = rewritten(one.pointee.uri) else {
                    isWhole = false
                    continue
                }
                branch.uri = uri
            }
            if host.pointee.branches.pointee.append(message.handle, &branch) <= 0 { isWhole = false }
        }
        if !isWhole { log(.warning, "not all destinations of the set could become branches") }
        return isWhole ? 1 : 2
    }
}

/// `ds_select_routes(rules, mode[, limit])`
private let selectRoutes: @convention(c) (Call) -> CInt = { call in
    let use: Use
    switch call.text(1).isEmpty ? 0 : call.text(1)[0] | 0x20 {
    case UInt8(ascii: "0") | 0x20, UInt8(ascii: "d"): use = .destination
    case UInt8(ascii: "1") | 0x20, UInt8(ascii: "r"): use = .domain
    case UInt8(ascii: "2") | 0x20, UInt8(ascii: "x"): use = .nothing
    default: return call.fail("ds_select_routes: the mode is 0 or d, 1 or r, 2 or x")
    }
    guard call.isFree(use), let worker = call.host.workerState else { return .false }
    let limit = call.limit(2)
    var count = 0
    var rest = call.text(0)
    while var rule = rest.next(UInt8(ascii: ";")) {
        if rule.trimmed.isEmpty { continue }
        guard let set = rule.next(UInt8(ascii: "="))?.trimmed.number, let number = rule.trimmed.number else {
            return call.fail("ds_select_routes: rules are written set=algorithm, with semicolons between")
        }
        guard count < limit else { break }
        let algorithm = call.algorithm(number)
        // A call is counted on one destination: the first.
        let own = count > 0 && algorithm == .load ? .first : algorithm
        _ = call.pick(set, own == .parallel ? .first : own, limit - count, worker, &count)
    }
    guard count > 0 else {
        call.host.bump(state.pointee.failedSelections)
        return .false
    }
    call.host.bump(state.pointee.selections)
    return call.follow(worker, count, use)
}

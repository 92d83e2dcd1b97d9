import PluginKit

// Invariants: a Report is made on the management thread, handed to worker 0 with the errands that name it, used there alone, and freed there with the last
// of its pings.

/// What operators are told of pings.
private struct Report {
    /// Of the command.
    let deferral: UInt64
    /// Errands and pings that are to come.
    var left: Int
    /// By places in `peers`.
    let peers: UnsafeMutablePointer<(number: Int, isThere: Bool)>
    let count: Int
}

extension MediaCommands {
    /// `rtpengine.ping url|all`: asks them now, and says who answers.
    public static let ping: @convention(c) (Command) -> CInt = { command in
        let peers = state.pointee.shared
        let numbers = (0..<peers.pointee.peers.count).filter { number in
            command.text(0).equals("all") || peers.pointee.peers[number].pointee.url.equals(command.text(0))
        }
        guard !numbers.isEmpty else { return command.fail(404, "Instance not found") }
        let settings = state.pointee.settings
        let limit = UInt32(clamping: settings.timeout * max(1, settings.tries) + 1000)
        let deferral = command.rpc.pointee.defer(command, limit)
        let place = UnsafeMutablePointer<(number: Int, isThere: Bool)>.allocate(capacity: numbers.count)
        for (index, number) in numbers.enumerated() { (place + index).initialize(to: (number, false)) }
        let report = permanent(Report(deferral: deferral, left: numbers.count, peers: place, count: numbers.count))
        let isSent = command.host.send(to: 0, report) { host, data in
            data.load(as: UnsafeMutablePointer<Report>.self).begin(host)
            return .true
        }
        if !isSent { report.answer(command.host) }
        return .suspended
    }
}

extension UnsafeMutablePointer<Report> {
    fileprivate func begin(_ host: Host) {
        // The last ping may end at once, and the report with it.
        let numbers = (0..<pointee.count).map { pointee.peers[$0].number }
        for number in numbers {
            let peer = state.pointee.shared.pointee.peers[number]
            guard let media = host.media, peer.pointee.isResolved.load(ordering: .acquiring),
                let exchange = ExchangeRef.make(
                    host, .report, set: 0, callID: "", branch: "", command: WorkerState.pingCommand)
            else {
                end(number, false, host)
                continue
            }
            host.count(state.pointee.counters.pings)
            exchange.pointee.report = UnsafeMutableRawPointer(self)
            media.send(exchange, to: peer)
        }
    }

    fileprivate func end(_ number: Int, _ isThere: Bool, _ host: Host) {
        for index in 0..<pointee.count where pointee.peers[index].number == number {
            pointee.peers[index].isThere = isThere
        }
        pointee.left -= 1
        if pointee.left == 0 { answer(host) }
    }

    fileprivate func answer(_ host: Host) {
        let rpc = host.pointee.rpc
        if let command = rpc.pointee.resume(host, pointee.deferral) {
            command.array {
                for index in 0..<pointee.count {
                    let (number, isThere) = pointee.peers[index]
                    command.map {
                        command.add("url", state.pointee.shared.pointee.peers[number].pointee.url)
                        command.add("status", isThere ? "success" : "fail")
                    }
                }
            }
            rpc.pointee.finish(host, pointee.deferral)
        }
        pointee.peers.deallocate()
        deallocate()
    }
}

extension UnsafeMutablePointer<WorkerState> {
    /// A ping that an operator wanted is over.
    func endReport(_ exchange: ExchangeRef, _ outcome: Outcome, _ number: Int) {
        let report = exchange.pointee.report?.assumingMemoryBound(to: Report.self)
        report?.end(number, outcome == .answered, host)
    }
}

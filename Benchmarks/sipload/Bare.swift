import Glibc

/// The floor that servers are measured against: moves the datagrams of a scenario and looks into none.
enum Bare {
    /// Runs until it is killed.
    static func run(_ options: Options) throws -> Int32 {
        guard let address = options.listen else { throw UsageError("bare wants --listen") }
        let socket = try Socket(bind: address)
        let batch = Batch(options.batch)
        let uas = options.uas?.address
        var uac = sockaddr_in()
        complain("bare \(options.scenario.rawValue) ready on \(socket.local.text)")
        while true {
            let count = batch.receive(socket)
            if count == 0 {
                socket.waitToRead(milliseconds: -1)
                continue
            }
            for index in 0..<count {
                var target = batch.name(index)
                if let uas {
                    if target.isSame(as: uas) {
                        target = uac
                    } else {
                        uac = target
                        target = uas
                    }
                }
                batch.set(index, to: batch.slot(index), count: batch.count(index), name: target)
            }
            batch.send(socket, count)
        }
    }
}

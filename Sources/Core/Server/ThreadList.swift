import Glibc

/// A thread of the server, as `ps` shows it.
struct ServerThread {
    /// The kernel's id of it.
    let id: Int32
    /// What it is for, in the words that Kamailio's operators look for.
    let description: String
    /// The same in SER's words.
    let seedDescription: String
    /// 0: the main thread; from 1 on: the workers; -1: the others.
    let rank: Int

    /// All threads of this process, by their names: the main one, then the workers, then the others.
    static func all(_ listeners: ListenerSet) -> [ServerThread] {
        let folder = "/proc/self/task"
        let threads = FileSystem.names(in: folder).compactMap { name -> ServerThread? in
            guard let id = Int32(name), let text = try? Syscalls.readFile("\(folder)/\(name)/comm", limit: 64) else {
                return nil
            }
            let title = String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self)
            return ServerThread(id: id, title: title, listeners)
        }
        return threads.sorted { ($0.place, $0.id) < ($1.place, $1.id) }
    }

    private init(id: Int32, title: String, _ listeners: ListenerSet) {
        self.id = id
        if id == getpid() {
            rank = 0
            description = "main process - attendant"
            seedDescription = "attendant"
        } else if let worker = ServerThread.worker(title) {
            rank = worker + 1
            let sockets = listeners.listeners.filter { !$0.isVirtual }
            let kind = sockets.first.map { $0.proto.name } ?? "udp"
            let addresses = ServerThread.once(sockets.map(ServerThread.address))
            let seed = ServerThread.once(sockets.map { "\($0.host.string)::\($0.portText.string)" })
            description = "\(kind) receiver child=\(worker) sock=\(addresses.joined(separator: ","))"
            let number = seed.count == 1 ? "0" : "*"
            seedDescription = "receiver child=\(worker) sock=\(number) @ \(seed.joined(separator: ","))"
        } else {
            let isManagement = title == ManagementThread.name
            rank = -1
            description = isManagement ? "ctl handler" : title
            seedDescription = isManagement ? "fifo server" : title
        }
    }

    /// An address that several transports share is told once.
    private static func once(_ addresses: [String]) -> [String] {
        var told: [String] = []
        for address in addresses where !told.contains(address) { told.append(address) }
        return told
    }

    /// The worker's index, out of the name of its thread.
    private static func worker(_ title: String) -> Int? {
        title.hasPrefix(Workers.threadName) ? Int(title.dropFirst(Workers.threadName.count)) : nil
    }

    /// `192.0.2.1:5060 (sip.example.org:5060)`, the latter when it is advertised.
    private static func address(_ listener: Listener) -> String {
        let bound = "\(listener.host.string):\(listener.portText.string)"
        return listener.hasAdvertised ? "\(bound) (\(listener.sentBy.string))" : bound
    }

    private var place: Int { rank < 0 ? Int.max : rank }
}

import Glibc
import Synchronization

/// Debian's rtpengine in user space. Killed when it goes out of scope.
struct RTPEngine: ~Copyable {
    let port: UInt16
    /// Where media come in and leave: an address of its own, so that ports of several are not each other's.
    let host: String
    private let child: Child

    private static let numbers = Mutex<UInt32>(UInt32(getpid()) &* 31)

    /// - Parameters:
    ///   - port, host: of one that was there before; nil: new ones.
    ///   - digits: where it reports keys to.
    init(port: UInt16? = nil, host: String? = nil, digits: UInt16? = nil) throws {
        let number = RTPEngine.numbers.withLock { number in
            number &+= 1
            return number
        }
        let place = host ?? "127.1.\(number / 250 % 250 + 1).\(number % 250 + 1)"
        let port = try port ?? Ports.free()
        let child = try Child(
            "rtpengine",
            [
                "--config-file=none", "--interface=\(place)", "--listen-ng=127.0.0.1:\(port)", "--foreground",
                "--table=-1", "--log-stderr",
                "--log-level=6", "--port-min=30000", "--port-max=39999", "--delete-delay=0", "--num-threads=2",
            ] + (digits.map { ["--dtmf-log-dest=127.0.0.1:\($0)"] } ?? []))
        // It says so before its socket is open.
        let client = try UDPClient()
        let isReady = try until {
            try client.send("1_1_1 d7:command4:pinge", to: port)
            return client.datagram(within: .milliseconds(50))?.bytes.isEmpty == false || child.status != nil
        }
        guard isReady, child.status == nil else { throw HarnessError("no rtpengine: \(child.errors.suffix(2000))") }
        self.child = child
        self.port = port
        self.host = place
    }

    var url: String { "udp:127.0.0.1:\(port)" }
    var log: String { child.errors }

    /// It is gone without a word.
    func kill() {
        child.signal(SIGKILL)
        _ = child.wait(within: .seconds(10))
    }

    /// It is there and does nothing, or goes on.
    func stop() { child.signal(SIGSTOP) }
    func goOn() { child.signal(SIGCONT) }

    /// Commands of that name that it has got, as far as its log was read.
    func commands(_ name: String) -> Int { log.count(of: "Received command '\(name)'") }

    /// Waits until it has got so many commands of that name.
    func got(_ name: String, times: Int = 1) -> Bool { until { commands(name) == times } }
}

import Glibc
import Synchronization

/// Hands out ports of the loopback addresses that nobody uses, each once in a test run.
///
/// They lie below the range that the kernel takes from for sockets bound to port 0, so that between handing out and the
/// server's own bind no client of a test that runs at the same time can get it. Of several processes that run tests at the same time each has
/// every so manyth hundred: APUS_TEST_PART says which, as `0/3`.
enum Ports {
    private static let range: Range<UInt16> = 12000..<32000
    private static let hundred: UInt16 = 100
    private static let part = part(of: getenv("APUS_TEST_PART").map { String(cString: $0) } ?? "0/1")
    private static let next = Mutex<UInt16>(
        range.lowerBound + UInt16(UInt32(getpid()) &* 97 % UInt32(range.count)) / hundred * hundred)

    private static func part(of text: String) -> (index: UInt16, count: UInt16) {
        let numbers = text.split(separator: "/").compactMap { UInt16($0) }
        guard numbers.count == 2, numbers[0] < numbers[1], numbers[1] < 20 else {
            fatalError("APUS_TEST_PART is `\(text)`, not a part and how many there are, as 0/3")
        }
        return (numbers[0], numbers[1])
    }

    /// The first port of ours at or behind this one.
    private static func ours(_ port: UInt16) -> UInt16 {
        var port = port
        while true {
            if port >= range.upperBound { port = range.lowerBound }
            if port / hundred % part.count == part.index { return port }
            port = (port / hundred + 1) * hundred
        }
    }

    static func free() throws -> UInt16 {
        try next.withLock { next throws -> UInt16 in
            for _ in range {
                let port = ours(next)
                next = port + 1
                // A process being spawned holds copies of all sockets until its exec: ours would still be bound after our close.
                let free = Child.spawning.withLock { _ in
                    isFree(port, Int32(SOCK_DGRAM.rawValue)) && isFree(port, Int32(SOCK_STREAM.rawValue))
                }
                if free { return port }
            }
            throw HarnessError("no free port in \(range)")
        }
    }

    private static func isFree(_ port: UInt16, _ type: Int32) -> Bool {
        ["127.0.0.1", "::1"].allSatisfy { host in
            let descriptor = socket(Address(host, port).family, type | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { return host == "::1" }  // a machine without IPv6
            defer { close(descriptor) }
            return Address(host, port).withSocketAddress { bind(descriptor, $0, $1) } == 0 || errno == EADDRNOTAVAIL
        }
    }
}

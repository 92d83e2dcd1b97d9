import Destinations
import Glibc
import PluginKit

// Invariants: on the main thread in `start`, or on an offload thread: it waits. The buffers live for one call of the resolver.

/// Looking up what destinations' names are.
enum Names {
    /// How long the start, a reload or a round waits for all of them, in milliseconds.
    static let patience: UInt32 = 5000
    /// Names in one call of the resolver, each with room for all addresses that it may have.
    private static let batch = 256
    /// Seconds after which a name that was not found is asked for again, at the least.
    private static let pause: UInt64 = 10

    /// What is asked for.
    static func question(_ uri: String, host: String, port: UInt16) -> String {
        // With a port there is nothing but addresses to look up.
        state.pointee.settings.dnsMode & 8 != 0 ? uri : "sip:\(host):\(port)"
    }

    /// - Returns: what each of the questions has come to.
    static func find(_ host: Host, _ questions: [String]) -> [String: FoundName] {
        var found: [String: FoundName] = [:]
        let end = host.clock + UInt64(patience)
        var rest = Array(Set(questions))[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(batch))
            rest = rest.dropFirst(batch)
            let now = host.clock
            find(host, part, now < end ? UInt32(end - now) : 0, &found)
        }
        return found
    }

    private static func find(
        _ host: Host, _ questions: [String], _ milliseconds: UInt32, _ found: inout [String: FoundName]
    ) {
        let capacity = AddressList.capacity
        let hops = UnsafeMutablePointer<apus_hop>.allocate(capacity: questions.count * capacity)
        defer { hops.deallocate() }
        let texts = questions.map { copy($0) }
        defer { for text in texts { text.bytes.baseAddress?.deallocate() } }
        var names = texts.enumerated().map { index, text in
            apus_name(
                size: UInt32(MemoryLayout<apus_name>.size), transport: 0, uri: text, hops: hops + index * capacity,
                capacity: UInt32(capacity), count: 0, status: CInt(APUS_TIMED_OUT), ttl: 0)
        }
        if milliseconds > 0 {
            _ = names.withUnsafeMutableBufferPointer {
                host.pointee.resolver.pointee.wait(
                    host, $0.baseAddress.unsafelyUnwrapped, UInt32($0.count), milliseconds)
            }
        }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wanted = UInt64(state.pointee.settings.dnsTTL)
        for (question, name) in zip(questions, names) {
            let own = UInt64(name.ttl)
            let seconds = name.count == 0 ? max(pause, own) : wanted > 0 ? wanted : max(1, own)
            found[question] = FoundName(
                (0..<Int(name.count)).map { name.hops[$0].address }, seconds: Int64(time.tv_sec),
                microseconds: Int64(time.tv_nsec) / 1000, due: host.clock + seconds * 1000)
        }
    }

    private static func copy(_ text: String) -> apus_str {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
        _ = bytes.initialize(from: text.utf8)
        return apus_str(start: bytes.baseAddress, count: text.utf8.count)
    }
}

extension Source.Contents {
    /// Looks up the names of the destinations, before anybody selects them.
    mutating func lookUp(_ host: Host) {
        let wanted = destinations.indices.filter {
            destinations[$0].address.family == 0 && !destinations[$0].draft.flags.contains(.noLookup)
        }
        guard !wanted.isEmpty else { return }
        let questions = wanted.map {
            Names.question(destinations[$0].draft.uri, host: destinations[$0].host, port: destinations[$0].port)
        }
        let found = Names.find(host, questions)
        var told: Set<String> = []
        for (index, question) in zip(wanted, questions) {
            let name = found[question]
            destinations[index].found = name
            guard name?.addresses.isEmpty ?? true, told.insert(destinations[index].host).inserted else { continue }
            remarks.append(
                (
                    .warning,
                    "no address is known for \(destinations[index].host): requests from there are not recognised"
                ))
        }
    }
}

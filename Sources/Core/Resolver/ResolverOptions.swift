/// How a resolver asks, what it keeps and what it prefers.
struct ResolverOptions {
    /// Milliseconds until a server is asked again, or the next one is.
    var timeout: Int32 = 2000
    /// Times that each server is asked.
    var tries: Int32 = 2
    /// "192.0.2.53:53, …"; empty: those of /etc/resolv.conf.
    var servers = ""
    /// Of them, so many are used; 0: all.
    var maxServers = 0
    /// Append the domains of /etc/resolv.conf to host names that are not found.
    var usesSearchList = true
    /// Look-ups under way at once, and questions to the servers; beyond it they fail as busy.
    var limit = 4096
    /// A question that takes longer (ms) is logged; 0: none is.
    var slowQuery: UInt64 = 0
    var cache = Cache()
    var preferences = Preferences()

    /// Whether it asks the same servers in the same way.
    func asksLike(_ other: ResolverOptions) -> Bool {
        timeout == other.timeout && tries == other.tries && servers == other.servers && maxServers == other.maxServers
            && usesSearchList == other.usesSearchList
    }

    /// What is kept of answers.
    struct Cache {
        /// Off: an answer serves those who waited for it.
        var isOn = true
        /// Bytes, of one worker.
        var bytes = 500 << 10
        /// Seconds between which a record's TTL is held.
        var minTTL: UInt32 = 0
        var maxTTL = UInt32(Int32.max)
        /// Seconds for which a name that was not found is not asked for again, for whatever reason.
        var negativeTTL: UInt32 = 60
        /// Seconds for which names of /etc/hosts, which have no TTL, hold.
        static let hostsTTL: UInt32 = 10
    }

    /// What is asked for, and the order among what was found.
    struct Preferences {
        var usesIPv4 = true
        var usesIPv6 = true
        /// Of a host with both: IPv6 first.
        var prefersIPv6 = false
        var triesNAPTR = false
        /// Choose among NAPTR records by our own preferences, not by those of the domain's owner.
        var ignoresNAPTROrder = true
        /// Spread over SRV records of one priority by their weights (RFC 2782); off: the heaviest first, always.
        var spreads = false
        /// Answer all addresses of all records, for those who try one after the other; off: one.
        var findsAll = false
        /// By transport number: the higher is tried first; below 0: never.
        var transports: [7 of Int32] = [0, 30, 20, 10, 20, 0, 0]
    }
}

/// What a resolver counts, until somebody sets it to 0.
struct ResolverFigures {
    /// Records that were wanted, from memory or not.
    var requests: UInt64 = 0
    /// Of them: known, and known not to be.
    var hits: UInt64 = 0
    var negativeHits: UInt64 = 0
}

/// Why a worker has no resolver.
struct ResolverError: Error {
    let text: String
}

/// What a resolver needs of the thread that it lives on.
struct ResolverPlace {
    /// Handed to those who asked: the worker.
    let owner: UnsafeMutableRawPointer
    let loop: UnsafeMutablePointer<EventLoop>
    let clock: UnsafeMutablePointer<Clock>
    let wheel: TimerWheel
    let mailbox: Mailbox
}

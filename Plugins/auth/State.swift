import DigestKit
import Glibc
import PluginKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module
// declares itself and starts, and only read by workers; the table and the numbers are atomics.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    /// sl's interface; there once the server has started.
    var sl: UnsafePointer<sl_api>?
    /// Authenticates nonces.
    var key: NonceKey?
    var numbers: NonceNumbers?
    /// Last counts of nonces; nil while neither nonce_count nor one_time_nonce asks for it.
    var table: NonceTable?
    /// Algorithms of challenges; empty: none is written, and MD5 is meant.
    var algorithms = Algorithms()
    /// Where pv_www_authenticate puts challenges.
    var challengeVariable: OpaquePointer?
    /// Seconds since 1970, less the server's monotonic seconds: clocks that are set do not age nonces.
    var clockOffset: Int64 = 0
    /// Stands in for the password of whoever does not exist.
    var nobodysPassword = apus_str()
    /// Worker slot: its DigestHasher.
    var hasher: CInt = -1
    /// Worker slot: its OtherURIs.
    var otherURIs: CInt = -1
    /// Message slot: what the next challenge says: `Notes`.
    var notes: CInt = -1
    var counters = Counters()
    /// Who wants to hear of checks that failed.
    var failures = FailureListeners()

    /// The module's state for functions that are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}

/// The hash functions for the calling thread; nil, with a line in the log, when OpenSSL lacks one.
func makeHasher(_ host: Host) -> DigestHasher? {
    let hasher = DigestHasher()
    if hasher == nil {
        host.log(
            .error, "OpenSSL does not offer all of MD5, SHA-256, SHA-512/256 and SHA-512: its FIPS mode has no MD5")
    }
    return hasher
}

extension UnsafeMutablePointer<State> {
    /// [start] Once parameters are set.
    func start(_ host: Host) -> CInt {
        guard let sl = load_sl(host), let hasher = makeHasher(host), takeAlgorithms(host), compileVariable(host) else {
            return .false
        }
        pointee.sl = sl
        pointee.clockOffset = Int64(time(nil)) - Int64(host.pointee.timer.pointee.now(host) / 1000)
        guard let random = State.random(64), let other = State.random(36) else {
            host.log(.error, "the system gives no random numbers")
            return .false
        }
        let secret = pointee.settings.secret
        pointee.key = NonceKey(secret.isEmpty ? random : secret, hasher)
        if !secret.isEmpty, secret.len < 16 {
            host.log(.warning, "a secret of \(secret.len) bytes can be guessed: 16 and more are safe")
        }
        pointee.nobodysPassword = other.dropFirst(4)
        let instance = other.bytes.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        pointee.numbers = NonceNumbers(instance: instance)
        if pointee.settings.counts != 0 || pointee.settings.isOneTime != 0 {
            pointee.table = NonceTable(order: pointee.settings.tableOrder, instance: instance)
        }
        return .true
    }

    private func takeAlgorithms(_ host: Host) -> Bool {
        guard let algorithms = Algorithms(pointee.settings.algorithm) else {
            host.log(
                .error, "algorithm is one or several of MD5, SHA-256, SHA-512-256, SHA-512, with commas between them")
            return false
        }
        pointee.algorithms = algorithms
        // SER names it always.
        if algorithms.isEmpty, host.pointee.config.pointee.dialect(host) == UInt32(APUS_DIALECT_SER),
            let named = Algorithms("MD5")
        {
            pointee.algorithms = named
        }
        return true
    }

    /// `$name`, as SER writes attributes, is the AVP of that name.
    private func compileVariable(_ host: Host) -> Bool {
        let text = pointee.settings.challengeVariable
        guard !text.isEmpty else { return true }
        let name = text.dropFirst(1)
        var spelled = text.string
        if text[0] == UInt8(ascii: "$"), name.index(of: UInt8(ascii: "(")) == nil { spelled = "$avp(\(name.string))" }
        pointee.challengeVariable = spelled.withUTF8 {
            host.pointee.vars.pointee.compile(host, apus_str(start: $0.baseAddress, count: $0.count))
        }
        return pointee.challengeVariable != nil
    }
}

extension State {
    /// So many random bytes, for ever; nil when the system has none.
    fileprivate static func random(_ count: Int) -> apus_str? {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
        bytes.initialize(repeating: 0, count: count)
        guard getentropy(bytes, count) == 0 else { return nil }
        return apus_str(start: bytes, count: count)
    }
}

extension UnsafeMutablePointer<State> {
    /// [worker] The calling worker's.
    func hasher(_ host: Host) -> DigestHasher {
        host.pointee.slots.pointee.worker(host, pointee.hasher).unsafelyUnwrapped
            .assumingMemoryBound(to: DigestHasher.self).pointee
    }

    /// [worker] The calling worker's.
    func otherURIs(_ host: Host) -> OtherURIs {
        host.pointee.slots.pointee.worker(host, pointee.otherURIs).unsafelyUnwrapped
            .assumingMemoryBound(to: OtherURIs.self).pointee
    }

    /// Seconds since 1970, whatever was done to the clock since the start.
    func now(_ host: Host) -> Int64 { pointee.clockOffset + Int64(host.pointee.timer.pointee.now(host) / 1000) }
}

/// What checks of a request leave for its challenge, as the bits of a pointer.
struct Notes {
    var bits: UInt

    /// The response was right: the phone need not ask for the password again.
    var isStale: Bool {
        get { bits & 1 != 0 }
        set { bits = newValue ? bits | 1 : bits & ~1 }
    }

    /// What auth_algorithm chose; empty: nothing.
    var algorithms: Algorithms {
        get { Algorithms(packed: UInt16(truncatingIfNeeded: bits >> 1)) }
        set { bits = bits & 1 | UInt(newValue.packed) << 1 }
    }
}

extension UnsafeMutablePointer<State> {
    func notes(_ host: Host, _ message: OpaquePointer) -> Notes {
        Notes(bits: UInt(bitPattern: host.pointee.slots.pointee.message(message, pointee.notes)))
    }

    func set(_ notes: Notes, _ host: Host, _ message: OpaquePointer) {
        host.pointee.slots.pointee.set_message(message, pointee.notes, UnsafeMutableRawPointer(bitPattern: notes.bits))
    }
}

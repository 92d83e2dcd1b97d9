import PluginKit

// Invariants: an Account lies in a piece of its transaction's worker's memory, from TM_REQUEST_IN until tm releases it, and is touched on that
// worker only.

typealias AccountRef = UnsafeMutablePointer<Account>

/// What the module knows about one transaction that it follows.
struct Account {
    let host: Host
    let state: UnsafeMutablePointer<State>
    /// The request goes from the called side to the caller: From and To change places (`detect_direction`).
    var isUpstream = false
    /// How many branches there were when a missed call was reported; -1: none was.
    private var missedBranches: Int64 = -1
    /// Status and To tag of replies to an INVITE that were reported.
    private var reported: [16 of UInt64] = InlineArray(repeating: 0)
    private var reportedCount = 0

    init(host: Host, state: UnsafeMutablePointer<State>) { (self.host, self.state) = (host, state) }

    /// Whether a reply with that status and To tag was not reported yet, which is noted: a called side repeats its 2xx, and forking gives
    /// several of them. True for no more than 16 of one transaction: nobody shall be able to fill the log.
    mutating func notes(status: Int32, tag: apus_str) -> Bool {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(UInt32(bitPattern: status))
        for byte in tag.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for index in 0..<reportedCount where reported[index] == hash { return false }
        guard reportedCount < reported.count else { return false }
        reported[reportedCount] = hash
        reportedCount &+= 1
        return true
    }

    /// Whether no missed call was reported since the branches that there are now were made, which is noted: each leg is reported once.
    mutating func notesMissed(branches: UInt32) -> Bool {
        guard Int64(branches) > missedBranches else { return false }
        missedBranches = Int64(branches)
        return true
    }
}

/// The transaction has ended.
let releaseAccount: @convention(c) (UnsafeMutableRawPointer?) -> Void = { user in
    guard let user else { return }
    let host = user.assumingMemoryBound(to: Account.self).pointee.host
    host.pointee.memory.pointee.release(host, user)
}

import PluginKit

/// Statistics of the group `auth`.
struct Counters {
    var challenges: UInt32 = 0
    var accepted: UInt32 = 0
    var wrongPasswords: UInt32 = 0
    var unknownUsers: UInt32 = 0
    var stale: UInt32 = 0
    var reused: UInt32 = 0
    var foreign: UInt32 = 0
    var malformed: UInt32 = 0

    mutating func declare(_ host: Host) {
        challenges = host.counter("auth", "challenges", doc: "Challenges that were sent.")
        accepted = host.counter("auth", "accepted", doc: "Requests with right credentials.")
        wrongPasswords = host.counter("auth", "wrong_password", doc: "Credentials with a wrong response.")
        unknownUsers = host.counter("auth", "unknown_user", doc: "Credentials of users that do not exist.")
        stale = host.counter("auth", "stale_nonce", doc: "Right responses to a nonce that has expired.")
        reused = host.counter("auth", "nonce_reused", doc: "Right responses that were sent before.")
        foreign = host.counter("auth", "foreign_nonce", doc: "Credentials with a nonce that is none of ours.")
        malformed = host.counter("auth", "malformed", doc: "Credentials that cannot be read, answered 400.")
    }
}

import DigestKit
import PluginKit

// Invariants: a check is the caller's, in memory that stays until it has been judged; its texts are pieces of the message.

extension UnsafeMutablePointer<State> {
    /// The first step of a check: finds the credentials and looks at their form, algorithm and nonce. `AUTH_UNDECIDED`: the password decides.
    func begin(_ host: Host, _ message: Message, _ check: UnsafeMutablePointer<auth_check>) -> CInt {
        check.pointee.verdict = 0
        check.pointee.ha1_length = 0
        guard message.isRequest else { return CInt(AUTH_ERROR) }
        if message.cannotBeChallenged { return CInt(AUTH_GOOD) }
        let realm = message.realm(check.pointee.realm, prefix: pointee.settings.realmPrefix)
        guard !realm.isEmpty else { return CInt(AUTH_ERROR) }
        check.pointee.realm = realm
        switch message.credentials(Int(check.pointee.kind), realm: realm) {
        case .none: return CInt(AUTH_NO_CREDENTIALS)
        case .malformed: return refuse(host, message)
        case .found(let credentials, let value):
            check.pointee.credentials = credentials
            check.pointee.value = value
            guard credentials.isComplete else { return refuse(host, message) }
        }
        return take(host, message, check)
    }

    /// 400: what is improper or missing will be so in the next attempt, too (RFC 2617 section 3.2.2).
    private func refuse(_ host: Host, _ message: Message) -> CInt {
        host.bump(pointee.counters.malformed)
        return reply(host, message, 400, "Bad Request") ? CInt(AUTH_ANSWERED) : CInt(AUTH_ERROR)
    }

    private func take(_ host: Host, _ message: Message, _ check: UnsafeMutablePointer<auth_check>) -> CInt {
        let credentials = check.pointee.credentials
        guard let algorithm = CredentialsAlgorithm(credentials.algorithm) else { return CInt(AUTH_ERROR) }
        if algorithm.isSession, credentials.cnonce.isEmpty { return refuse(host, message) }
        check.pointee.algorithm = algorithm.algorithm.rawValue
        check.pointee.is_session = algorithm.isSession ? 1 : 0
        check.pointee.body = message.part(APUS_PART_BODY)
        if check.pointee.method.isNull { check.pointee.method = message.field(APUS_FIELD_METHOD_TEXT) }
        check.pointee.user = credentials.user
        check.pointee.domain = credentials.domain

        guard let key = pointee.key else { return CInt(AUTH_ERROR) }
        let nonce: Nonce
        var isElsewhere = false
        switch Nonce.read(credentials.nonce, key, hasher(host), for: message.surroundings) {
        case .foreign:
            host.bump(pointee.counters.foreign)
            return CInt(AUTH_ERROR)
        case .elsewhere(let read): (nonce, isElsewhere) = (read, true)
        case .ours(let read): nonce = read
        }
        guard nonce.algorithms & algorithm.algorithm.bit != 0 else { return CInt(AUTH_ERROR) }
        check.pointee.nonce_number = nonce.number
        judge(host, message, nonce, isElsewhere: isElsewhere, check)
        return CInt(AUTH_UNDECIDED)
    }

    /// What is wrong with the nonce if the response is right: it is told then only, as RFC 7616 section 3.3 wants it of `stale`.
    private func judge(
        _ host: Host, _ message: Message, _ nonce: Nonce, isElsewhere: Bool, _ check: UnsafeMutablePointer<auth_check>
    ) {
        guard nonce.isInTime(now(host), drift: pointee.settings.drift) else {
            check.pointee.verdict = CInt(AUTH_STALE_NONCE)
            return
        }
        // As the table counts: 1 when a one-time nonce is used at all, else what the credentials say.
        let count = check.pointee.credentials.qop.isNull ? nil : check.pointee.credentials.nc.nonceCount
        if pointee.settings.counts != 0, let count {
            check.pointee.count = count
        } else {
            let wanted = UInt8(truncatingIfNeeded: pointee.settings.checks(of: message))
            if isElsewhere || nonce.checks & wanted != wanted {
                check.pointee.verdict = CInt(AUTH_STALE_NONCE)
                return
            }
            check.pointee.count = pointee.settings.isOneTime != 0 ? .max : 0
        }
        guard check.pointee.count != 0, let table = pointee.table else { return }
        let isKept = check.pointee.flags & UInt32(AUTH_KEEP_COUNT) != 0
        let use =
            isKept
            ? table.look(nonce.number, count: check.pointee.count) : table.use(nonce.number, count: check.pointee.count)
        if !isKept { check.pointee.count = 0 }
        check.pointee.verdict = verdict(use)
    }

    func verdict(_ use: NonceTable.Use) -> CInt {
        switch use {
        case .good: 0
        case .reused: CInt(AUTH_NONCE_REUSED)
        case .unknown: CInt(AUTH_STALE_NONCE)
        }
    }
}

extension Message {
    /// What nonces for this message may be bound to.
    var surroundings: Nonce.Surroundings {
        var texts = Nonce.Surroundings()
        texts.uri = field(APUS_FIELD_ORIGINAL_URI)
        texts.callID = field(APUS_FIELD_CALL_ID)
        texts.fromTag = field(APUS_FIELD_FROM_TAG)
        texts.source = field(APUS_FIELD_SOURCE_IP)
        return texts
    }
}

extension Settings {
    /// What nonces for a message are bound to.
    func checks(of message: Message) -> Int64 {
        if message.method == APUS_METHOD_REGISTER { return checksOfRegister }
        return message.field(APUS_FIELD_TO_TAG).isEmpty ? checksOutside : checksInside
    }
}

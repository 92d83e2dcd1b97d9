import DigestKit
import PluginKit
import RoutingKit

// Invariants: a check lies in the caller's frame: nothing here waits.

extension UnsafePointer<apus_call> {
    /// The module's state: every function of a script runs after `declare`.
    fileprivate var state: UnsafeMutablePointer<State> { State.shared.unsafelyUnwrapped }

    fileprivate func challenge(_ kind: Int) -> CInt {
        state.challenge(host, message, kind, text(0), int(1), has(2) ? text(2) : "")
    }

    fileprivate var kindByMethod: Int { message.method == APUS_METHOD_REGISTER ? AUTH_WWW : AUTH_PROXY }
}

/// `www_challenge(realm, flags[, algorithms])`
func challengeAsServer(_ call: Call) -> CInt { call.challenge(AUTH_WWW) }

/// `proxy_challenge(realm, flags[, algorithms])`
func challengeAsProxy(_ call: Call) -> CInt { call.challenge(AUTH_PROXY) }

/// `auth_challenge(realm, flags[, algorithms])`
func challengeByMethod(_ call: Call) -> CInt { call.challenge(call.kindByMethod) }

/// Checks constant flags and names of algorithms.
let prepareChallenge: Preparation = { _, index, constant, _, complaint in
    switch index {
    case 1:
        guard let flags = constant.number, 0...23 ~= flags, flags & 8 == 0 else {
            return complaint.say("flags are 1 (qop auth), 2 (qop auth-int), 4 (no 500), 16 (stale), or a sum of them")
        }
        return .true
    // An argument that is a variable to be written is none of ours.
    case 2:
        return Algorithms(constant) != nil
            ? .true : complaint.say("an algorithm is MD5, SHA-256, SHA-512-256 or SHA-512")
    default: return .true
    }
}

/// Checks constant flags and checks.
let prepareCheck: Preparation = { _, index, constant, _, complaint in
    guard index == 2 else { return .true }
    guard let flags = constant.number, 0...63 ~= flags else {
        return complaint.say(
            "flags are 1 (the password is HA1), 2, 4 or 8 (challenge without qop, with auth, with auth-int), 16 (stale), 32 (keep nc)"
        )
    }
    return .true
}

/// `auth_get_www_authenticate(realm, flags, $x)`
func getChallenge(_ call: Call) -> CInt {
    guard var lines = call.writer(1024),
        call.state.write(call.host, call.message, AUTH_WWW, call.text(0), call.int(1), "", &lines)
    else { return -2 }
    return call.set(2, apus_value(lines.text)) > 0 ? .true : .false
}

let prepareAlgorithm: Preparation = { _, _, constant, _, complaint in
    Algorithms(constant) != nil ? .true : complaint.say("an algorithm is MD5, SHA-256, SHA-512-256 or SHA-512")
}

/// `auth_algorithm(names)`
func chooseAlgorithms(_ call: Call) -> CInt {
    guard let algorithms = Algorithms(call.text(0)) else {
        return call.fail("an algorithm is MD5, SHA-256, SHA-512-256 or SHA-512")
    }
    var notes = call.state.notes(call.host, call.pointee.msg)
    notes.algorithms = algorithms
    call.state.set(notes, call.host, call.pointee.msg)
    return .true
}

/// `pv_www_authenticate(realm, password, flags[, method])`
func authenticateAsServer(_ call: Call) -> CInt { authenticate(call, AUTH_WWW, method: 3) }

/// `pv_proxy_authenticate(realm, password, flags[, method])`
func authenticateAsProxy(_ call: Call) -> CInt { authenticate(call, AUTH_PROXY, method: 3) }

/// `pv_auth_check(realm, password, flags, checks)`
func authenticateByMethod(_ call: Call) -> CInt {
    var check = auth_check()
    let result = authenticate(call, call.kindByMethod, &check)
    guard result == CInt(AUTH_GOOD), call.int(3) & 1 != 0, !call.message.cannotBeChallenged else { return result }
    return isOwner(call, check.user) ? result : CInt(AUTH_USER_MISMATCH)
}

/// Bits of pv_www_authenticate's flags.
private let isHA1: Int64 = 1
private let wantsChallenge: Int64 = 2 | 4 | 8
private let keepsCount: Int64 = 32

/// - Parameter method: place of the argument.
private func authenticate(_ call: Call, _ kind: Int, method: Int) -> CInt {
    var check = auth_check()
    if call.has(method), !call.text(method).isEmpty { check.method = call.text(method) }
    return authenticate(call, kind, &check)
}

private func authenticate(_ call: Call, _ kind: Int, _ check: inout auth_check) -> CInt {
    let password = call.text(1)
    let flags = call.int(2)
    guard !password.isEmpty else { return call.fail("the password is empty") }
    check.size = UInt32(MemoryLayout<auth_check>.size)
    check.kind = UInt32(kind)
    check.realm = call.text(0)
    if flags & keepsCount != 0 { check.flags = UInt32(AUTH_KEEP_COUNT) }

    var result = call.state.begin(call.host, call.message, &check)
    if result == CInt(AUTH_UNDECIDED) {
        result = call.state.compare(
            call.host, &check, password, UInt32(flags & isHA1 != 0 ? AUTH_HA1 : AUTH_PASSWORD))
        if result == CInt(AUTH_GOOD) { result = call.state.end(call.host, call.message, &check) }
    }
    if result < 0, flags & wantsChallenge != 0, !keepChallenge(call, kind, flags) { return CInt(AUTH_ERROR) }
    return result
}

/// Puts the challenge that the flags of pv_www_authenticate ask for into the variable of challenge_attr.
private func keepChallenge(_ call: Call, _ kind: Int, _ flags: Int64) -> Bool {
    guard let variable = call.state.pointee.challengeVariable, var lines = call.writer(1024) else { return false }
    let qop = flags & 8 != 0 ? AUTH_QOP_AUTH_INT : flags & 4 != 0 ? AUTH_QOP_AUTH : 0
    guard
        call.state.write(
            call.host, call.message, kind, call.text(0), Int64(qop) | flags & Int64(AUTH_STALE), "", &lines)
    else { return false }
    var value = apus_value(lines.text)
    return call.host.pointee.vars.pointee.set(call, variable, &value) > 0
}

/// Whether the user is who the request says; with use_domain at one host.
private func isOwner(_ call: Call, _ user: apus_str) -> Bool {
    let message = call.message
    guard call.state.pointee.settings.comparesDomains != 0 else { return message.isSent(by: user, at: nil) }
    let from = message.parse(uri: message.field(APUS_FIELD_FROM_URI))
    return from.map { message.isSent(by: user, at: $0.host) } ?? false
}

/// `has_credentials(realm)`
func hasCredentials(_ call: Call) -> CInt {
    let message = call.message
    let realm = message.realm(call.text(0), prefix: call.state.pointee.settings.realmPrefix)
    for kind in AUTH_WWW...AUTH_PROXY {
        if case .found = message.credentials(kind, realm: realm) { return .true }
    }
    return .false
}

/// `consume_credentials()`
func consumeCredentials(_ call: Call) -> CInt {
    if call.message.consumeCredentials() { return .true }
    // ACK and its kin pass every check without credentials.
    if !call.message.cannotBeChallenged { call.log(.error, "no credentials of this request were found to be right") }
    return .false
}

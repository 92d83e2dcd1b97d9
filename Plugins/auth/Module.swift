import DigestKit
import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "auth", version: "1.0", summary: "Digest authentication", needs: "sl/1",
    start: { host in state.start(host) },
    worker: { host, _ in
        guard let hasher = makeHasher(host) else { return .false }
        host.pointee.slots.pointee.set_worker(host, state.pointee.hasher, permanent(hasher))
        host.pointee.slots.pointee.set_worker(host, state.pointee.otherURIs, permanent(OtherURIs()))
        return .true
    },
    declare: { host in
        State.shared = state
        _ = host.pointee.publish(host, AUTH_API, makeInterface())
        state.pointee.hasher = host.slot(APUS_SLOT_WORKER)
        state.pointee.otherURIs = host.slot(APUS_SLOT_WORKER)
        state.pointee.notes = host.slot(APUS_SLOT_MESSAGE)
        state.pointee.counters.declare(host)
        declareParameters(host, state)
        declareChallenges(host)
        declareChecks(host)
    })

@c(apus_module_auth)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareChallenges(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    let challenges: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("www_challenge", "Answers the request 401 with a challenge.", challengeAsServer),
        ("proxy_challenge", "Answers the request 407 with a challenge.", challengeAsProxy),
        ("auth_challenge", "Answers a REGISTER 401, another request 407, with a challenge.", challengeByMethod),
    ]
    for (name, doc, call) in challenges {
        host.function(
            name, "realm:format, flags:int, algorithms:format?", routes: routes, doc: doc,
            prepare: prepareChallenge, call: call)
    }
    host.function(
        "auth_get_www_authenticate", "realm:format, flags:int, result:writable",
        doc: "Writes the header that www_challenge would send into a variable.", prepare: prepareChallenge,
        call: getChallenge)
    host.function(
        "auth_algorithm", "algorithm:format", routes: routes,
        doc: "The algorithms that this request is challenged with.", prepare: prepareAlgorithm, call: chooseAlgorithms)
}

private func declareChecks(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE
    let www: [StaticString] = ["pv_www_authenticate", "pv_www_authorize"]
    for name in www {
        host.function(
            name, "realm:format, password:format, flags:int, method:format?", routes: routes,
            doc: "Whether the credentials in Authorization were made with that password.", prepare: prepareCheck,
            call: authenticateAsServer)
    }
    let proxy: [StaticString] = ["pv_proxy_authenticate", "pv_proxy_authorize"]
    for name in proxy {
        host.function(
            name, "realm:format, password:format, flags:int, method:format?", routes: routes,
            doc: "Whether the credentials in Proxy-Authorization were made with that password.", prepare: prepareCheck,
            call: authenticateAsProxy)
    }
    host.function(
        "pv_auth_check", "realm:format, password:format, flags:int, checks:int", routes: routes,
        doc:
            "As pv_www_authenticate for REGISTER, else as pv_proxy_authenticate; checks 1: the user is From's, or To's.",
        prepare: prepareCheck, call: authenticateByMethod)
    host.function(
        "has_credentials", "realm:format", routes: routes, doc: "Whether the request has credentials of that realm.",
        call: hasCredentials)
    host.function(
        "consume_credentials", routes: routes, flags: APUS_EDITS_REQUEST,
        doc: "Removes the header whose credentials were found to be right.", call: consumeCredentials)
}

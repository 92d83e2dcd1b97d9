import PluginKit
import RoutingKit

// Invariants: run on workers; what the arguments have prepared, a RulePair each, lives as long as the script. Of a pair of files given apart the first one's
// pair has the rules that allow, the second one's those that deny.

func declareRuleFunctions(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    let basename: Preparation = { host, index, text, prepared, complaint in
        index == 0 ? RuleName.prepare(host, basename: text, prepared, complaint) : .true
    }
    let files: Preparation = { host, index, text, prepared, complaint in
        (index == 0 ? RuleName.allow : .deny).prepare(host, text.string, prepared, complaint)
    }
    let routing: StaticString = "Whether the URI of From may call the Request-URI and the branches, by the files."
    host.function(
        "allow_routing", "basename:string?", routes: routes, flags: APUS_PREPARES_ABSENT, doc: routing,
        prepare: basename, call: allowRouting)
    host.function(
        "allow_routing", "allow:string, deny:string", routes: routes, doc: routing, prepare: files,
        call: allowRouting)
    let registering: StaticString = "Whether the URI of To may have the Contacts, by the files."
    for (arguments, prepare) in [("basename:string", basename), ("allow:string, deny:string", files)]
        as [(StaticString, Preparation)]
    {
        host.function(
            "allow_register", arguments, routes: routes, doc: registering, prepare: prepare,
            call: { allowRegister($0, withPort: false) })
        host.function(
            "allow_register_include_port", arguments, routes: routes,
            doc: "The same; the Contacts are looked at with their ports.", prepare: prepare,
            call: { allowRegister($0, withPort: true) })
    }
    host.function(
        "allow_uri", "basename:string, uri:variable", routes: routes,
        doc: "Whether the URI of From may call the one in the variable, by the files.", prepare: basename,
        call: allowURI)
}

/// What is asked of a pair of files, one URI after the other.
private struct Looking {
    private let call: Call
    private let allow: Rules
    private let deny: Rules
    private let from: apus_str
    private var verdict = RulePair.Verdict()

    /// Nil with the reason in the log.
    init?(_ call: Call, from: apus_str, isPair: Bool) {
        guard let first = call.argument(0).prepared?.assumingMemoryBound(to: RulePair.self), !from.isNull else {
            call.log(.error, "there is no URI that asks, or no rules")
            return nil
        }
        self.call = call
        self.from = from
        let second = isPair ? call.argument(1).prepared?.assumingMemoryBound(to: RulePair.self) : nil
        (allow, deny) = (first.pointee.allow, (second ?? first).pointee.deny)
    }

    mutating func look(_ to: apus_str) { verdict.look(call.host, allow, deny, from, to) }

    /// `sip:user@host` of the URI, with its port if it is wanted: what else is in it does not hide it from a rule. False with the reason in the log.
    mutating func look(plain uri: apus_str, withPort: Bool = false) -> Bool {
        guard let parsed = call.message.parse(uri: uri) else { return call.fail("a URI cannot be read") > 0 }
        // Of other schemes all of it is the name.
        guard 1...2 ~= parsed.scheme else {
            look(uri)
            return true
        }
        guard var plain = call.writer(parsed.user.len + parsed.host.len + parsed.port.len + 6) else {
            return call.fail("memory is out") > 0
        }
        plain.add("sip:")
        plain.add(parsed.user)
        if !parsed.user.isEmpty { plain.add("@") }
        plain.add(parsed.host)
        if withPort, !parsed.port.isEmpty {
            plain.add(":")
            plain.add(parsed.port)
        }
        look(plain.text)
        return true
    }

    var result: CInt { verdict.result ? .true : .false }
}

/// `allow_routing([basename])`, `allow_routing(allow, deny)`
private let allowRouting: @convention(c) (Call) -> CInt = { call in
    let message = call.message
    let isPair = call.pointee.count == 2
    guard var looking = Looking(call, from: message.field(APUS_FIELD_FROM_URI), isPair: isPair),
        looking.look(plain: message.field(APUS_FIELD_REQUEST_URI))
    else { return .false }
    guard state.pointee.checksAllBranches != 0 else { return looking.result }
    let branches = call.host.pointee.branches
    for index in 0..<branches.pointee.count(message.handle) {
        guard let branch = apus_branch.filled({ branches.pointee.get(message.handle, index, $0) }) else { break }
        guard looking.look(plain: branch.uri) else { return .false }
    }
    return looking.result
}

/// `allow_register(basename)`, `allow_register(allow, deny)`
private func allowRegister(_ call: Call, withPort: Bool) -> CInt {
    let isPair = call.pointee.count == 2
    guard var looking = Looking(call, from: call.message.field(APUS_FIELD_TO_URI), isPair: isPair) else {
        return .false
    }
    var contacts = Contacts(call.message)
    var isAny = false
    while let uri = contacts.next() {
        isAny = true
        guard looking.look(plain: uri, withPort: withPort) else { return .false }
    }
    if contacts.isBroken { return call.fail("a Contact cannot be read") }
    // A request that registers nothing: a question, or `*`.
    return isAny ? looking.result : .true
}

/// `allow_uri(basename, uri)`
private let allowURI: @convention(c) (Call) -> CInt = { call in
    guard let uri = call.value(1), uri.isText else { return call.fail("the variable has no text") }
    guard var looking = Looking(call, from: call.message.field(APUS_FIELD_FROM_URI), isPair: false) else {
        return .false
    }
    looking.look(uri.str)
    return looking.result
}

import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "siputils", version: "1.0", summary: "Tests on messages and URIs",
    start: { host in
        guard !state.pointee.partyName.isEmpty else { return .true }
        state.pointee.party = host.pointee.vars.pointee.compile(host, state.pointee.partyName)
        return state.pointee.party == nil ? .false : .true
    },
    declare: { host in
        declareParameters(host)
        declareMessageTests(host)
        declareTextTests(host)
        declareURIs(host)
        declareOthers(host)
        declareContacts(host)
        declareChargingVector(host)
    })

@c(apus_module_siputils)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "options_accept", into: state.pointer(to: \.accept)!, initial: "*/*", doc: "Accept of options_reply.")
    host.parameter(
        "options_accept_encoding", into: state.pointer(to: \.acceptEncoding)!,
        doc: "Accept-Encoding of options_reply.")
    host.parameter(
        "options_accept_language", into: state.pointer(to: \.acceptLanguage)!, initial: "en",
        doc: "Accept-Language of options_reply.")
    host.parameter("options_support", into: state.pointer(to: \.supported)!, doc: "Supported of options_reply.")
    host.parameter(
        "e164_max_len", into: state.pointer(to: \.longestNumber)!, initial: "16", range: 3...64,
        doc: "Longest E.164 number in characters, with the plus.")
    host.parameter(
        "rpid_prefix", into: state.pointer(to: \.partyPrefix)!, doc: "Stands before the Remote-Party-ID.")
    host.parameter(
        "rpid_suffix", into: state.pointer(to: \.partySuffix)!,
        initial: ";party=calling;id-type=subscriber;screen=yes", doc: "Stands after the Remote-Party-ID.")
    host.parameter(
        "rpid_avp", into: state.pointer(to: \.partyName)!, initial: "$avp(s:rpid)",
        doc: "Variable that holds the Remote-Party-ID.")
    host.parameter(
        "contact_flds_separator", flags: 0, doc: "One character that parts the fields of an encoded Contact."
    ) { host, value, _ in
        let text = value.pointee.str
        guard text.len == 1, !apus_str.isLetterOrDigit(text[0]), apus_str("-_.!~*'()&=+$,;?/").index(of: text[0]) != nil
        else {
            host.log(.error, "a separator is one character of the user part of a URI, and neither letter nor digit")
            return .false
        }
        state.pointee.separator = text
        return .true
    }
    state.pointee.separator = "*"
}

private func declareContacts(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE
    host.function(
        "encode_contact", "prefix:format, host:format", routes: routes,
        doc: "Puts the address of each Contact into its user part, and this host in its place.", user: state,
        call: encodeContact)
    host.function(
        "decode_contact", routes: APUS_REQUEST_ROUTE, flags: APUS_SETS_DESTINATION,
        doc: "Takes the address back out of the Request-URI.", user: state, call: decodeContact)
    host.function(
        "decode_contact_header", routes: routes | APUS_FAILURE_ROUTE, doc: "Takes the addresses back out of Contact.",
        user: state, call: decodeContactHeader)
    let encoders: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("contact_param_encode", "Puts the URI of each Contact into a parameter of this URI.", encodeContactParameter),
        (
            "contact_param_encode_alias", "The same with the address that the message came from as alias.",
            encodeContactParameterWithAlias
        ),
    ]
    for (name, doc, call) in encoders {
        host.function(
            name, "name:format, uri:format", routes: routes, doc: doc, prepare: prepareParameterName, call: call)
    }
    host.function(
        "contact_param_decode_ruri", "name:format", routes: APUS_REQUEST_ROUTE, flags: APUS_SETS_DESTINATION,
        doc: "Takes the URI back out of that parameter of the Request-URI.", prepare: prepareParameterName,
        call: decodeRequestURIParameter)
    let others: [(StaticString, Int, StaticString, @convention(c) (Call) -> CInt)] = [
        (
            "contact_param_decode", routes, "Takes the URIs back out of that parameter of Contact.",
            decodeContactParameter
        ),
        ("contact_param_rm", routes, "Removes a parameter of the URIs in Contact.", removeContactParameter),
        ("contact_param_check", APUS_ANY_ROUTE, "Whether a URI in Contact has the parameter.", hasContactParameter),
    ]
    for (name, routes, doc, call) in others {
        host.function(name, "name:format", routes: routes, doc: doc, prepare: prepareParameterName, call: call)
    }
}

private func declareChargingVector(_ host: Host) {
    state.pointee.vector = host.slot(APUS_SLOT_MESSAGE)
    state.pointee.identifiers = host.slot(APUS_SLOT_WORKER)
    host.function(
        "sip_p_charging_vector", "action:word(r|g|f)",
        doc: "P-Charging-Vector: r removes it, g makes one when there is none, f makes one in any case.", user: state,
        call: chargingVector)
    host.variable(
        "pcv", inner: "all|value|genaddr|orig|term|status",
        doc: "Parts of P-Charging-Vector, and what was done with it.",
        user: state, get: chargingVectorPart)
}

private func declareMessageTests(_ host: Host) {
    host.function(
        "is_user", "name:format", routes: APUS_REQUEST_ROUTE | APUS_LOCAL_ROUTE,
        doc: "Whether the credentials that were found to be right are of that user.", call: isUser)
    host.function("has_totag", doc: "Whether To has a tag: the message belongs to a dialog.", call: hasToTag)
    host.function("is_request", doc: "Whether the message is a request.", call: isRequest)
    host.function("is_reply", doc: "Whether the message is a reply.", call: isReply)
    host.function("is_sip", doc: "Whether the message is SIP.", call: isSIP)
    host.function("is_http", doc: "Whether the message is HTTP.", call: isHTTP)
    host.function(
        "is_first_hop", "mode:int?", doc: "Whether no further proxy is between the sender and this server.",
        call: isFirstHop)
    host.function(
        "is_supported", "option:word(path|100rel|timer|eventlist|gruu|outbound)",
        doc: "Whether Supported lists the option.", call: isSupported)
}

private func declareTextTests(_ host: Host) {
    let tests: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("is_uri", "Whether the text is a URI.", isURI),
        ("is_tel_number", "Whether the text is digits, with or without a plus.", isTelephoneNumber),
        ("is_numeric", "Whether the text is digits.", isNumeric),
        ("is_alphanum", "Whether the text is letters and digits.", isAlphanumeric),
    ]
    for (name, doc, call) in tests { host.function(name, "text:format", doc: doc, call: call) }
    host.function(
        "is_alphanumex", "text:format, others:format", doc: "Whether the text is letters, digits and these others.",
        call: isAlphanumericOr)
    host.function(
        "is_e164", "variable:variable", doc: "Whether the variable holds an E.164 number.", user: state, call: isE164)
    host.function(
        "is_uri_user_e164", "variable:variable", doc: "Whether the user of the URI in the variable is an E.164 number.",
        user: state, call: isUserE164)
}

private func declareURIs(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE
    host.function(
        "uri_param", "name:format, value:format?", routes: routes,
        doc: "Whether the Request-URI has the parameter, without a value or with this one.", call: hasURIParameter)
    host.function(
        "uri_param_any", "name:format", routes: routes, doc: "Whether the Request-URI has the parameter.",
        call: hasURIParameterAtAll)
    host.function(
        "uri_param_rm", "name:format", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Removes a parameter of the Request-URI.", call: removeURIParameter)
    host.function(
        "add_uri_param", "parameter:format", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Adds name=value to the Request-URI.", call: addURIParameter)
    host.function(
        "get_uri_param", "name:format, result:writable", routes: routes,
        doc: "Value of a parameter of the Request-URI.",
        call: getURIParameter)
    host.function("is_gruu", "uri:format?", doc: "Whether the URI is a GRUU: 1 public, 2 temporary.", call: isGRUU)
    host.function("cmp_uri", "a:format, b:format", doc: "Whether two URIs are equal.", call: compareURIs)
    host.function(
        "cmp_aor", "a:format, b:format", doc: "Whether two URIs have the same user and host.", call: compareAORs)
    host.function(
        "cmp_hdr_name", "a:format, b:format", doc: "Whether two names mean the same header.", call: compareHeaderNames)
    host.function(
        "set_uri_user", "variable:writable, user:format", doc: "Sets the user of the URI in the variable.",
        call: setURIUser)
    host.function(
        "set_uri_host", "variable:writable, host:format", doc: "Sets the host of the URI in the variable.",
        call: setURIHost)
    let conversions: [StaticString] = ["tel2sip", "tel2sip2"]
    for name in conversions {
        host.function(
            name, "uri:format, host:format, result:writable", routes: APUS_EDITING_ROUTE,
            doc: "Makes a SIP URI of a tel URI.", call: telephoneToSIP)
    }
}

private func declareOthers(_ host: Host) {
    host.function(
        "hdr_date_check", "seconds:int", doc: "Whether Date is not older than that.", call: checkDate)
    host.function(
        "sip_parse_headers", doc: "Whether the headers that say where a message goes can be read.", call: parseHeaders)
    host.function(
        "options_reply", routes: APUS_REQUEST_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "Answers OPTIONS for this server with what it can do.", user: state, call: replyToOptions)
    host.function(
        "append_rpid_hf", "prefix:format?, suffix:format?",
        routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE,
        doc: "Adds Remote-Party-ID from the variable of rpid_avp.", user: state, call: appendRemotePartyID)
    host.function(
        "is_rpid_user_e164", routes: APUS_REQUEST_ROUTE,
        doc: "Whether the user of that Remote-Party-ID is an E.164 number.", user: state, call: isRemotePartyE164)
}

import PluginKit
import RoutingKit

private let module = Module(
    "textops", version: "1.0", summary: "Searches and changes messages as text",
    declare: { host in
        declareTests(host)
        declareHeaders(host)
        declareReplacing(host)
        declareSubstitutions(host)
        declareBody(host)
        declareTexts(host)
    })

@c(apus_module_textops)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private let requestRoutes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE
private let bodyRoutes = requestRoutes | APUS_ONREPLY_ROUTE

private func declareTests(_ host: Host) {
    host.function(
        "is_method", "methods:format", doc: "Whether the method (of a reply: its CSeq's) is one of A|B|C.",
        prepare: prepareMethods, call: isMethod)
    host.function(
        "search", "expression:regex", doc: "Searches the whole message as received, its first line too.", call: search)
    host.function("search_body", "expression:regex", doc: "Searches the body.", call: searchBody)
    host.function(
        "search_hf", "name:string, expression:regex, which:word(a|f|l)",
        doc: "Searches the values of all, the first or the last header of that name.", call: searchHeader)
    host.function("search_str", "text:format, expression:regex", doc: "Searches a text.", call: searchText)
    host.function(
        "search_append", "expression:regex, text:format",
        doc: "Adds the text after the first match in headers and body.",
        call: searchAppend)
    host.function(
        "search_append_body", "expression:regex, text:format", doc: "Adds the text after the first match in the body.",
        call: searchAppendBody)
    host.function(
        "is_privacy", "type:format", doc: "Whether the header Privacy asks for that type.", call: isPrivacy)
    host.function(
        "is_audio_on_hold", doc: "1: audio is held by a zero address; 2: by sendonly or inactive.", call: isAudioOnHold)
}

private func declareHeaders(_ host: Host) {
    host.function(
        "append_hf", "header:format, after:string?",
        doc: "Adds header lines after the last header, or the last of a name.",
        prepare: prepareLines, call: appendHeader)
    host.function(
        "insert_hf", "header:format, before:string?",
        doc: "Adds header lines before the first header, or the first of a name.", prepare: prepareLines,
        call: insertHeader)
    host.function(
        "append_urihf", "prefix:string, suffix:string", routes: requestRoutes,
        doc: "Adds a header made of prefix, Request-URI as received, and suffix.", call: appendURIHeader)
    host.function(
        "append_to_reply", "header:format", routes: requestRoutes,
        doc: "Adds header lines to each reply that the server makes for the request.", prepare: prepareLines,
        call: appendToReply)
    host.function("append_time", routes: requestRoutes, doc: "Adds Date to replies of the server.", call: appendTime)
    host.function("append_time_to_request", doc: "Adds Date to the message.", call: appendTimeToRequest)

    host.function("remove_hf", "name:format", doc: "Removes all headers of that name.", call: removeHeaders)
    host.function("remove_hf_pv", "name:format", doc: "The same as remove_hf.", call: removeHeaders)
    host.function(
        "remove_hf_idx", "name:format, index:int",
        doc: "Removes one header of that name, counted from 0 or from the end.",
        call: removeHeaderAt)
    host.function(
        "remove_hf_re", "names:regex", doc: "Removes headers by an expression for names.", call: removeHeadersMatching)
    host.function(
        "remove_hf_re_pv", "names:regex", doc: "The same as remove_hf_re.", call: removeHeadersMatching)
    host.function(
        "remove_hf_exp", "names:regex, but:regex",
        doc: "Removes headers whose names match the first and not the second.",
        call: removeHeadersExcept)
    host.function(
        "remove_hf_exp_pv", "names:regex, but:regex", doc: "The same as remove_hf_exp.", call: removeHeadersExcept)
    host.function(
        "remove_hf_match", "name:format, operator:word(eq|ne|in|re), value:format",
        doc: "Removes headers of that name by their value.", call: removeHeadersByValue)
    host.function("is_present_hf", "name:format", doc: "Whether there is a header of that name.", call: isPresent)
    host.function("is_present_hf_pv", "name:format", doc: "The same as is_present_hf.", call: isPresent)
    host.function(
        "is_present_hf_re", "names:regex", doc: "Whether a header's name matches.", call: isPresentMatching)
    host.function(
        "is_present_hf_re_pv", "names:regex", doc: "The same as is_present_hf_re.", call: isPresentMatching)
    host.function(
        "via_param_rm", "name:format, index:int",
        doc: "Removes a parameter from a Via, counted from 0 or from the end.",
        call: removeViaParameter)
}

private func declareReplacing(_ host: Host) {
    let byExpression: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("replace", "Replaces the first match in headers and body.", replaceFirst),
        ("replace_all", "Replaces every match in headers and body, line by line.", replaceAll),
        ("replace_hdrs", "Replaces the first match in the headers.", replaceInHeaders),
        ("replace_body", "Replaces the first match in the body.", replaceInBody),
        ("replace_body_all", "Replaces every match in the body, line by line.", replaceAllInBody),
    ]
    for (name, doc, call) in byExpression {
        host.function(name, "expression:regex, text:format", doc: doc, call: call)
    }
    host.function(
        "replace_body_atonce", "expression:format, text:format",
        doc: "Replaces every match in the body, taken as one text.", prepare: prepareWholeText, call: replaceBodyAtOnce)
    let literally: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("replace_str", "Replaces a text in headers and body.", replaceText),
        ("replace_hdrs_str", "Replaces a text in the headers.", replaceTextInHeaders),
        ("replace_body_str", "Replaces a text in the body.", replaceTextInBody),
    ]
    for (name, doc, call) in literally {
        host.function(name, "match:format, text:format, which:word(a|f)", doc: doc, call: call)
    }
}

private func declareSubstitutions(_ host: Host) {
    host.transformation(
        "re.subst", "substitution:rest", doc: "Substitutes in a value: /expression/replacement/flags.",
        prepare: prepareFirst, apply: substituteInValue)
    let uriRoutes = requestRoutes | APUS_ONREPLY_ROUTE
    host.function(
        "subst", "substitution:string", doc: "Substitutes in headers and body: /expression/replacement/flags.",
        prepare: prepareFirst, call: substitute)
    host.function(
        "subst_body", "substitution:string", doc: "Substitutes in the body.", prepare: prepareFirst,
        call: substituteBody)
    host.function(
        "subst_uri", "substitution:string", routes: uriRoutes, flags: APUS_SETS_DESTINATION,
        doc: "Substitutes in the Request-URI.", prepare: prepareFirst, call: substituteURI)
    host.function(
        "subst_user", "substitution:string", routes: uriRoutes, flags: APUS_SETS_DESTINATION,
        doc: "Substitutes in the user of the Request-URI.", prepare: prepareFirst, call: substituteUser)
    host.function(
        "subst_hf", "name:string, substitution:string, which:word(a|f|l)",
        doc: "Substitutes in the values of all, the first or the last header of that name.", prepare: prepareSecond,
        call: substituteHeader)
    host.function(
        "subst_v", "text:format, substitution:string, result:writable", doc: "Substitutes in a text.",
        prepare: prepareSecond, call: substituteValue)
    host.function(
        "regex_substring", "text:format, expression:regex, group:int, groups:int, result:writable", routes: bodyRoutes,
        doc: "A group of the first match, 0 for all of it, of so many groups.", call: regexSubstring)
}

private func declareBody(_ host: Host) {
    host.function("has_body", "type:format?", doc: "Whether there is a body, of that Content-Type.", call: hasBody)
    host.function(
        "has_sdp", flags: APUS_DEPRECATED, doc: "The same as has_body(\"application/sdp\").", call: hasSDP)
    host.function(
        "set_body", "text:format, type:format", routes: bodyRoutes, doc: "Replaces the body and its Content-Type.",
        prepare: prepareSecondType, call: setBody)
    host.function(
        "set_body_hex", "digits:format, type:format", routes: bodyRoutes,
        doc: "Replaces the body by bytes written as hexadecimal digits.", prepare: prepareHex, call: setBodyFromHex)
    host.function(
        "set_reply_body", "text:format, type:format", routes: requestRoutes,
        doc: "The body of replies that the server makes for the request.", prepare: prepareSecondType,
        call: setReplyBody)
    host.function(
        "set_reply_body_hex", "digits:format, type:format", routes: requestRoutes,
        doc: "The same as bytes written as hexadecimal digits.", prepare: prepareHex, call: setReplyBodyFromHex)
    host.function(
        "filter_body", "type:format", doc: "Leaves of a multipart body the first part of that type.",
        prepare: prepareType, call: filterBody)
    declareMultipart(host)
}

private func declareMultipart(_ host: Host) {
    host.function(
        "set_body_multipart", routes: bodyRoutes, doc: "Makes the body the first part of a multipart one.",
        call: setMultipart)
    host.function(
        "set_body_multipart", "text:format, type:format, boundary:format?", routes: bodyRoutes,
        doc: "Replaces the body by a multipart one with this part.", prepare: prepareSecondType, call: setMultipart)
    host.function(
        "append_body_part", "text:format, type:format, disposition:format?", routes: bodyRoutes,
        doc: "Adds a part to a multipart body.", prepare: prepareSecondType, call: appendPart)
    host.function(
        "append_body_part_hex", "digits:format, type:format, disposition:format?", routes: bodyRoutes,
        doc: "Adds a part of bytes written as hexadecimal digits.", prepare: prepareHex, call: appendPartFromHex)
    host.function(
        "remove_body_part", "type:format", routes: bodyRoutes,
        doc: "Removes the parts of that type from a multipart body.", prepare: prepareType, call: removePart)
    host.function(
        "get_body_part", "type:format, result:writable", routes: bodyRoutes,
        doc: "The first part of that type, without its headers.", prepare: prepareType, call: getPart)
    host.function(
        "get_body_part_raw", "type:format, result:writable", routes: bodyRoutes,
        doc: "The first part of that type with its headers.", prepare: prepareType, call: getRawPart)
}

private func declareTexts(_ host: Host) {
    host.function(
        "in_list", "subject:format, list:format, separator:format", doc: "Whether the subject is an item of the list.",
        call: inList)
    host.function(
        "in_list_prefix", "subject:format, list:format, separator:format",
        doc: "Whether an item of the list begins the subject.", call: inListPrefix)
    let pairs: [(StaticString, StaticString, @convention(c) (Call) -> CInt)] = [
        ("cmp_str", "Whether two texts are equal.", compareText),
        ("cmp_istr", "Whether two texts are equal but for case.", compareIgnoringCase),
        ("starts_with", "Whether the first text begins with the second.", startsWith),
        ("ends_with", "Whether the first text ends with the second.", endsWith),
        ("str_find", "Whether the first text holds the second.", findText),
        ("str_ifind", "Whether the first text holds the second, but for case.", findIgnoringCase),
        ("str_any_in", "Whether a character of the first text is in the second.", anyInSet),
        ("str_all_in", "Whether all characters of the first text are in the second.", allInSet),
    ]
    for (name, doc, call) in pairs {
        host.function(name, "first:format, second:format", doc: doc, call: call)
    }
}

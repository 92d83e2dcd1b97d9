import PluginKit
import RoutingKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "textopsx", version: "1.0", summary: "Changes that are seen at once, values of headers, iterators", needs: "tm/1?",
    start: { host in
        state.pointee.tm = load_tm(host)
        return .true
    },
    declare: { host in
        state.pointee.iterators = host.slot(APUS_SLOT_MESSAGE)
        declareChanges(host)
        declareParts(host)
        declareValues(host)
        declareIterators(host)
        declareSelects(host)
    })

@c(apus_module_textopsx)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareChanges(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE
    host.function(
        "msg_apply_changes", routes: routes,
        doc: "What the script has changed is seen by the functions and variables that follow.", user: state,
        call: applyChanges)
    host.function(
        "msg_set_buffer", "text:format", routes: routes, doc: "Replaces the whole message.", user: state,
        call: setBuffer)
    host.function(
        "msg_changed_route", "route:route(request)", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Runs a route on a copy of the message with what the script has changed.", call: runChanged)
    host.function(
        "change_reply_status", "code:int, reason:format", routes: APUS_ONREPLY_ROUTE,
        doc: "Another status code and reason phrase for the reply.", prepare: prepareStatus, call: changeStatus)
    host.function(
        "change_reply_status_code", "code:int", routes: APUS_ONREPLY_ROUTE, doc: "Another status code for the reply.",
        prepare: prepareStatus, call: changeStatusCode)
}

private func declareParts(_ host: Host) {
    host.function("remove_body", doc: "Removes the body and its Content-Type.", call: removeBody)
    host.function(
        "keep_hf", "names:regex?", doc: "Removes all headers but the needed ones and those whose names match.",
        call: keepHeaders)
    host.function(
        "fnmatch", "text:format, pattern:format, flags:word(i)?",
        doc: "Whether the text matches a pattern of the shell; i: without regard to case.", call: matchPattern)
}

private func declareValues(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_ONREPLY_ROUTE
    typealias Row = (StaticString, StaticString, Preparation, @convention(c) (Call) -> CInt)
    let two: [Row] = [
        ("append_hf_value", "Adds a value behind name[index], or a header.", prepareIndexed, appendValue),
        ("insert_hf_value", "Adds a value before name[index], or a header in front.", prepareIndexed, insertValue),
        ("assign_hf_value", "Changes name[index], or its parameter.", prepareAssigned, assignValue),
        (
            "assign_hf_value2", "Changes the header name[index], or a parameter as Authorization has it.",
            prepareAssigned,
            assignHeader
        ),
        ("include_hf_value", "Adds a value to a header when it is not there.", prepareName, includeValue),
        ("exclude_hf_value", "Removes a value from a header.", prepareName, excludeValue),
        ("hf_value_exists", "Whether a header has a value.", prepareName, isListed),
    ]
    for (name, doc, prepare, call) in two {
        host.function(name, "header:string, value:format", routes: routes, doc: doc, prepare: prepare, call: call)
    }
    let one: [Row] = [
        ("remove_hf_value", "Removes name[index], or its parameter.", prepareAny, removeValue),
        (
            "remove_hf_value2", "Removes the header name[index], or a parameter as Authorization has it.", prepareAny,
            removeHeader
        ),
    ]
    for (name, doc, prepare, call) in one {
        host.function(name, "header:string", routes: routes, doc: doc, prepare: prepare, call: call)
    }
}

private func declareIterators(_ host: Host) {
    typealias Row = (StaticString, StaticString, @convention(c) (Call) -> CInt)
    let moving: [Row] = [
        ("hf_iterator_start", "Begins to go through the headers.", startHeaders),
        ("hf_iterator_next", "Goes to the next header.", nextHeader),
        ("hf_iterator_prev", "Goes to the header before.", previousHeader),
        ("hf_iterator_end", "Ends the iterator.", endHeaders),
        ("hf_iterator_rm", "Removes the header.", removeAtHeader),
        ("bl_iterator_start", "Begins to go through the lines of the body.", startLines),
        ("bl_iterator_next", "Goes to the next line.", nextLine), ("bl_iterator_end", "Ends the iterator.", endLines),
        ("bl_iterator_rm", "Removes the line.", removeAtLine),
    ]
    for (name, doc, call) in moving { host.function(name, "iterator:format", doc: doc, user: state, call: call) }
    let adding: [Row] = [
        ("hf_iterator_append", "Adds header lines behind the header.", appendAtHeader),
        ("hf_iterator_insert", "Adds header lines before the header.", insertAtHeader),
    ]
    for (name, doc, call) in adding {
        host.function(
            name, "iterator:format, header:format", doc: doc, user: state, prepare: prepareHeader, call: call)
    }
    let addingLines: [Row] = [
        ("bl_iterator_append", "Adds text behind the line.", appendAtLine),
        ("bl_iterator_insert", "Adds text before the line.", insertAtLine),
    ]
    for (name, doc, call) in addingLines {
        host.function(name, "iterator:format, text:format", doc: doc, user: state, call: call)
    }
    let flags = APUS_PV_DYNAMIC
    host.variable(
        "hfitname", inner: "*", flags: flags, doc: "Name of the header of an iterator.", user: state, get: currentName)
    host.variable(
        "hfitbody", inner: "*", flags: flags, doc: "Value of the header of an iterator.", user: state, get: currentBody)
    host.variable(
        "blitval", inner: "*", flags: flags, doc: "Line of an iterator, with its end.", user: state, get: currentLine)
}

private let prepareHeader: Preparation = { host, index, constant, _, complaint in
    index == 1 ? checkLines(host, constant, complaint) : .true
}

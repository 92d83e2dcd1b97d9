/// A part of the monitor's screen: a heading, and lines of figures that one command tells.
struct Section: Sendable {
    let title: String
    /// For JSON.
    let key: String
    /// The command of the control socket; `stats.get_statistics` with a group.
    let command: String
    var group: String?
    /// The command of the FIFO; nil when SER had none.
    let fifoCommand: String?
    /// What has the commands.
    let module: String
    let templates: [Template]

    static let all: [Section] = [
        Section(
            title: "Transaction Statistics", key: "tm", command: "tm.stats", fifoCommand: "t_stats", module: "tm",
            templates: [
                Template("Current: {~current} ({~waiting} waiting) Total: {total} ({total_local} local)"),
                Template("Replied localy: {rpl_generated}"),
                Template("Completion status 6xx: {6xx}, 5xx: {5xx}, 4xx: {4xx}, 3xx: {3xx},2xx: {2xx}"),
            ]),
        Section(
            title: "Stateless Server Statistics", key: "sl", command: "sl.stats", fifoCommand: "sl_stats", module: "sl",
            templates: [
                Template("200: {200} 202: {202} 2xx: {2xx}"), Template("300: {300} 301: {301} 302: {302} 3xx: {3xx}"),
                Template(
                    "400: {400} 401: {401} 403: {403} 404: {404} 407: {407} 408: {408} 483: {483} 4xx: {4xx}"),
                Template("500: {500} 5xx: {5xx}"), Template("6xx: {6xx}"), Template("xxx: {xxx}"),
                Template("failures: {failures}"),
            ]),
        Section(
            title: "UsrLoc Stats", key: "usrloc", command: "stats.get_statistics", group: "usrloc:",
            fifoCommand: "ul_stats", module: "usrloc", templates: []),
        Section(
            title: "Core Statistics", key: "core", command: "stats.get_statistics", group: "core:", fifoCommand: nil,
            module: "kex",
            templates: [
                Template(
                    "requests received: {rcv_requests} forwarded: {fwd_requests} dropped: {drop_requests} failed: {err_requests}"
                ),
                Template(
                    "replies received: {rcv_replies} forwarded: {fwd_replies} dropped: {drop_replies} failed: {err_replies}"
                ),
            ]),
    ]

    /// Names of what only goes up, out of the templates.
    var counts: Set<String> {
        Set(
            templates.flatMap(\.pieces).compactMap { piece in
                if case .count(let name) = piece { name } else { nil }
            })
    }
}

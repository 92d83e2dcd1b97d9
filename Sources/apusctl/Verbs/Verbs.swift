extension Verb {
    /// All verbs, in the order of the overview.
    static let all: [Verb] = [
        .start, .stop, .restart, .reload,
        .monitor, .ps, .psa, .uptime, .version, .stats, .srv, .report,
        .rpc, .fifo,
        .add, .passwd, .rm, .show, .setColumn, .acl, .ul, .alias, .aliasDB, .domain, .address, .trusted,
        .ping, .ciscoRestart, .dispatcher, .demo,
        .db,
        .help, .complete,
    ]
}

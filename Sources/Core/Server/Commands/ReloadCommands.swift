/// The config, read again while the server runs.
extension CoreCommands {
    func declareReload() throws(CommandRegistry.Refusal) {
        let view = view
        try add(
            "core.reload", reads: false, isSpaced: true, reply: "{version:int, changed:[string]}",
            """
            Reads the config again: new messages go by it, what has begun by the old one ends by it. Needs nothing but \
            the routing script and parameters that may change; a config with mistakes, or one that needs a restart, changes nothing.
            """
        ) { execution in
            guard let reload = view.reload else { return execution.fail(503, "the server does not run yet") }
            return reload.begin(execution)
        }
        try add(
            "core.programs", reply: "[{version:int, loaded:string, state:string, uses:int}]",
            "The scripts that the server goes by, the one in force first, then older ones with the runs and armed routes that keep them."
        ) { execution in
            guard let programs = view.reload?.programs else {
                return execution.fail(503, "the server does not run yet")
            }
            let answer = execution.answer
            answer.array {
                for entry in [programs.current] + programs.old.reversed() {
                    answer.map {
                        answer.add(entry.version, key: "version")
                        answer.add(CoreCommands.date(entry.loaded), key: "loaded")
                        answer.add(entry.version == programs.current.version ? "in force" : "old", key: "state")
                        answer.add(programs.uses(of: entry), key: "uses")
                    }
                }
            }
            return .done
        }
    }
}

/// `exec`.
extension CoreFunctions {
    static func declareProcesses(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function(
            "exec", "command:string", maySuspend: true,
            "Runs a shell command and waits for its end; true, whatever comes of it."
        ) { ScriptEnvironment.current.execute($0, $0.argument(0).str) }
    }
}

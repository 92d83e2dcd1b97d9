import CLinux
import PluginAPI

/// `log`, `error`.
extension CoreFunctions {
    static func declareLogging(_ declare: Declaring) throws(Registry.Refusal) {
        let anywhere = RouteKind.any
        try declare.function("log", "text:string", routes: anywhere, "Writes a text to the log, at level 4.") {
            $0.log($0.text(0), level: 4)
        }
        try declare.function(
            "log", "level:int, text:string", routes: anywhere, "Writes a text to the log, at a level of -3 to 4."
        ) {
            $0.log($0.text(1), level: $0.argument(0).num)
        }
        try declare.function("error", "class:string, text:string", "Writes an error to the log.") { call in
            Log.line(.error) {
                $0.add("error(")
                $0.add(call.text(0))
                $0.add("): ")
                $0.add(call.text(1))
            }
            return 1
        }
    }
}

extension UnsafePointer<apus_call> {
    /// Printed when the parameter debug is at least the level: 4 is one more than the server's own lines have.
    fileprivate func log(_ text: Bytes, level: Int64) -> CInt {
        let today = LogScale.level(Int(truncatingIfNeeded: level), isSER: ScriptEnvironment.current.facts.isSER)
        guard today <= Int(linux_log_threshold()) else { return 1 }
        // Scripts end their texts with the line end that a log line has anyway.
        let line = text.count > 0 && text[text.count - 1] == 0x0A ? text[0..<text.count - 1] : text
        Log.line(LogLevel(clamping: today)) { $0.add(line) }
        return 1
    }
}

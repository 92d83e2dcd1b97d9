import CLinux
import Glibc

/// What this server is: version, build, running time.
extension CoreCommands {
    func declareVersions() throws(CommandRegistry.Refusal) {
        let view = view
        try add("core.version", "version", reply: "string", "Name, version and platform.") {
            $0.answer.add(Version.line)
            return .done
        }
        try add(
            "core.info", reply: "{version:string, id:string, compiler:string, compiled:string, flags:string}",
            "How this server was built."
        ) { execution in
            execution.answer.map {
                execution.answer.add("apus \(Version.text)", key: "version")
                CoreCommands.addBuild(execution.answer, id: "id")
                execution.answer.add(Version.flags, key: "flags")
            }
            return .done
        }
        try add(
            "core.runinfo",
            reply: """
                {name:string, version:string, sourceid:string, compiler:string, compiled:string, time_now:string, \
                time_started:string, uptime_secs:int, utime_days:string}
                """,
            "How this server was built and since when it runs."
        ) { execution in
            let answer = execution.answer
            answer.map {
                answer.add("apus", key: "name")
                answer.add(Version.text, key: "version")
                CoreCommands.addBuild(answer, id: "sourceid")
                answer.add(CoreCommands.date(Syscalls.wallNanoseconds() / 1_000_000_000), key: "time_now")
                answer.add(CoreCommands.date(view.began), key: "time_started")
                answer.add(view.uptime, key: "uptime_secs")
                answer.add(CoreCommands.days(view.uptime), key: "utime_days")
            }
            return .done
        }
        try add(
            "core.uptime", "uptime", reply: "{now:string, up_since:string, uptime:int}",
            "The time, when the server was started, and the seconds since."
        ) { execution in
            let answer = execution.answer
            answer.map {
                answer.add(CoreCommands.date(Syscalls.wallNanoseconds() / 1_000_000_000), key: "now")
                answer.add(CoreCommands.date(view.began), key: "up_since")
                answer.add(view.uptime, key: "uptime")
            }
            return .done
        }
        try add("core.flags", reply: "string", "What was built into this server.") {
            $0.answer.add(Version.flags)
            return .done
        }
    }

    private static func addBuild(_ answer: Answer, id: StaticString) {
        answer.add(Version.revision, key: id)
        answer.add(String(cString: linux_compiler()), key: "compiler")
        answer.add(Version.date, key: "compiled")
    }

    /// As C's `ctime` has it, without the line end: "Sat Nov 21 15:29:13 2026", local time.
    static func date(_ seconds: UInt64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            strftime(buffer.baseAddress!, buffer.count, "%a %b %e %H:%M:%S %Y", &parts)
            return String(cString: buffer.baseAddress!)
        }
    }

    /// "0d 0h 0m 2s"
    static func days(_ seconds: Int) -> String {
        "\(seconds / 86400)d \(seconds / 3600 % 24)h \(seconds / 60 % 60)m \(seconds % 60)s"
    }
}

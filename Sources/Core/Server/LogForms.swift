import CLinux
import Glibc
import PluginAPI

// Invariants: runs on the thread that logs, wherever that is; what it reads of a worker is that thread's own.

/// What the log's lines say of the run that works: `log_format=json` and `log_prefix_mode`.
enum LogForms {
    /// One JSON object a line, with Kamailio's names where it has the same: time (seconds since 1970), level, pid, idx (the worker), callid, route, file and
    /// line of the statement while a script works, logprefix, message.
    static let json: Log.Form = { level, prefix, text in
        var writer = JSONWriter()
        func add(_ key: StaticString, _ value: Bytes) {
            if !value.isEmpty { writer.text(value, key: Bytes(key)) }
        }
        writer.openMap(key: nil)
        writer.double(Double(Syscalls.wallNanoseconds() / 1000) / 1e6, key: Bytes("time"))
        add("level", Bytes(level.name))
        writer.int(Int64(getpid()), key: Bytes("pid"))
        writer.int(Int64(linux_this_thread()!.pointee.number), key: Bytes("idx"))
        if let run = ServerWorker.current?.pointee.script.pointee.working {
            add("callid", run.pointee.message.callID)
            add("route", run.routeName.bytes)
            let (file, line) = run.statement
            add("file", file.bytes)
            writer.int(Int64(line), key: Bytes("line"))
        }
        add("logprefix", prefix)
        writer.text(text, key: Bytes("message"))
        writer.closeMap()
        return writer.out
    }

    /// The prefix of the run that works, as its message and statement are now; a prefix that cannot be made stays what it was.
    static let refreshPrefix: Log.RefreshPrefix = {
        guard let server = ServerWorker.current, let run = server.pointee.script.pointee.working,
            let format = server.pointee.shared.pointee.logPrefix, let prefix = run.expand(format)
        else { return }
        run.pointee.logPrefix = prefix
        server.pointee.script.pointee.logPrefix = prefix
        Log.setPrefix(prefix.bytes)
    }
}

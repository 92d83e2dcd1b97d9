import CLinux
import Glibc
import PluginAPI
import Synchronization

// Invariants: texts are borrowed for the call and copied into the line.

/// The group `log`: apus/log.h.
extension HostTables {
    static func makeLog() -> apus_log_api {
        apus_log_api(
            size: size(apus_log_api.self),
            enabled: { _, level in Log.isOn(LogLevel(clamping: Int(level))) ? 1 : 0 },
            write: { host, level, text in
                let level = LogLevel(clamping: Int(level))
                let capturing = host.record.pointee.capturing.pointee.load(ordering: .relaxed)
                if capturing != 0, capturing == LoadedModule.thisThread {
                    return host.module.capture(level, text.string)
                }
                // The beginning tells repetitions: what follows are names and numbers.
                let start = text.bytes.prefix(32)
                Log.limited(
                    level, "a module's line", key: HostTables.logKey.hash(start) ^ UInt64(host.record.pointee.number)
                ) {
                    $0.addVerbatim(host.record.pointee.name)
                    $0.add(": ")
                    $0.add(text.bytes)
                }
            },
            at: { call, level, text in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                let (file, line) = run.position
                // One statement is one source of lines.
                let site = UInt64(UInt(bitPattern: run.pointee.site))
                Log.limited(LogLevel(clamping: Int(level)), "a statement's line", key: site) {
                    $0.addVerbatim(call.pointee.host.record.pointee.name)
                    $0.add(": ")
                    $0.add(text.bytes)
                    $0.add(" (")
                    $0.add(file.bytes)
                    $0.add(":")
                    $0.add(Int(line))
                    $0.add(")")
                }
            },
            script_line: { _, level, facility, text in
                Log.line(LogLevel(clamping: Int(level)), facility: Int(facility)) {
                    $0.add(text.bytes, keepingLines: true)
                }
            },
            set_level: { call, level in
                UnsafeMutablePointer<Run>(call.pointee.run).setLogLevel(max(-5, min(3, level)))
            },
            reset_level: { UnsafeMutablePointer<Run>($0.pointee.run).setLogLevel(nil) },
            facility: { CInt(SyslogFacility.number(named: $0.string) ?? -1) },
            show_colours: { _ in Log.showColours() })
    }

    private static let logKey = SipKey.random()
}

/// syslog's facilities by name.
enum SyslogFacility {
    private static let names = [
        "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP",
    ]

    /// "LOG_LOCAL3", "LOCAL3", in any case; nil for other words.
    static func number(named name: String) -> Int? {
        var word = name.uppercased()
        if word.hasPrefix("LOG_") { word.removeFirst(4) }
        if let index = names.firstIndex(of: word) { return index }
        guard word.hasPrefix("LOCAL"), word.utf8.count == 6, let digit = Int(word.dropFirst(5)), digit < 8 else {
            return nil
        }
        return 16 + digit
    }
}

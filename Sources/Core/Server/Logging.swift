import CLinux
import Glibc

/// Where the log goes and how much of it, by the config and the command line, which wins.
enum Logging {
    static func start(_ settings: Settings, _ options: Options) {
        let level = (options.debugLevel ?? settings.number("debug")) + options.debugIncrease
        // Not clamped: `log()` without a level wants a debug of 4, which is one more than the server's own lines have.
        linux_set_log_threshold(Int32(clamping: LogScale.level(level, isSER: settings.dialect == .ser)))
        let toStderr = options.logToStderr || settings.isOn("log_stderror")
        let name = settings.text("log_name") ?? "apus"
        let facility = facilities[settings.text("log_facility") ?? "LOG_DAEMON"] ?? 3
        if let sink = toStderr ? try? LogSink.descriptor(2) : try? LogSink.syslog() {
            Log.start(sink, facility: facility, name: name)
        }
    }

    /// syslog's numbers.
    static let facilities: [String: Int] = {
        var table = [
            "KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7, "UUCP": 8,
            "CRON": 9, "AUTHPRIV": 10, "FTP": 11,
        ]
        for number in 0...7 { table["LOCAL\(number)"] = 16 + number }
        for (name, number) in table { table["LOG_" + name] = number }
        return table
    }()
}

import CLinux
import Glibc

/// Where the log goes and how much of it, by the config and the command line, which wins.
enum Logging {
    /// - Parameter inBackground: the server goes on when whoever started it is done. Then the log keeps no pipe open whose reader waits for its
    ///   end, such as a script's: it goes to syslog instead. Files, terminals and sockets are as they were given.
    static func start(_ settings: Settings, _ options: Options, inBackground: Bool) {
        let level = (options.debugLevel ?? settings.number("debug")) + options.debugIncrease
        // Not clamped: `log()` without a level wants a debug of 4, which is one more than the server's own lines have.
        linux_set_log_threshold(Int32(clamping: LogScale.level(level, isSER: settings.dialect == .ser)))
        let wantsStderr = options.logToStderr || settings.isOn("log_stderror")
        let toStderr = wantsStderr && !(inBackground && isPipe(STDERR_FILENO))
        let name = settings.text("log_name") ?? "apus"
        let facility = facilities[settings.text("log_facility") ?? "LOG_DAEMON"] ?? 3
        if let sink = toStderr ? try? LogSink.descriptor(2) : try? LogSink.syslog() {
            Log.start(sink, facility: facility, name: name)
        }
        if settings.isOn("log_color") { Log.colourLevels() }
        if settings.text("log_format") == "json" || settings.text("log_engine_type") == "json" {
            Log.use(LogForms.json)
        }
        if settings.number("log_prefix_mode") & 1 != 0, settings.text("log_prefix")?.isEmpty == false {
            Log.refreshPrefix(with: LogForms.refreshPrefix)
        }
    }

    private static func isPipe(_ file: Int32) -> Bool {
        var status = stat()
        return fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
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

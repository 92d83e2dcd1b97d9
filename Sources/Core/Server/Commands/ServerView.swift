// Invariants: filled in on the main thread before the management thread starts and that thread's from then on, so that commands, which run there,
// read it without a lock. Workers are there from their making to the end of the management thread.

/// What the core's commands see of the server.
final class ServerView: @unchecked Sendable {
    let options: Options
    let statistics: Statistics
    let modules: Modules
    /// Of the config's text: name and value of every define.
    var defines: [String: [UInt8]] = [:]
    var settings = Settings()
    var listeners = ListenerSet([])
    var workers: Workers?
    /// Reads the config again; nil before the server runs.
    var reload: Reload?
    /// Seconds since 1970, and the monotonic clock's nanoseconds, when the server started.
    let began = Syscalls.wallNanoseconds() / 1_000_000_000
    private let started = Syscalls.monotonicNanoseconds()

    init(_ options: Options, _ statistics: Statistics, _ modules: Modules) {
        self.options = options
        self.statistics = statistics
        self.modules = modules
    }

    /// Neither the config nor the command line has taken TCP away.
    var hasTCP: Bool { !settings.isOn("disable_tcp") && !options.noTCP }

    /// [management] What is in force for connections.
    var streamOptions: StreamOptions {
        var options = StreamOptions(settings)
        let changeable = modules.registry.changeable
        options.takeChangeable { name in
            changeable.number("tcp", name).map { Int(changeable.all[$0].value.num) } ?? settings.number("tcp_" + name)
        }
        return options
    }

    /// Seconds since the start.
    var uptime: Int { Int((Syscalls.monotonicNanoseconds() - started) / 1_000_000_000) }
}

import CLinux
import PluginAPI

// Invariants: declared on the main thread before the script is compiled; the effects run on workers, each on its own resolver and table.

/// The parameters of group `core` that may change while the server runs.
enum CoreParameters {
    /// - Parameter command: its log level wins over the config's.
    static func declare(in registry: Registry, _ settings: Settings, command: Options, _ modules: Modules) {
        let changeable = registry.changeable
        let isSER = settings.dialect == .ser
        let level = initial("debug", settings, command)
        changeable.add(
            ChangeableParameter(
                group: "core", name: "debug", doc: "The log's level: what is worse is written, too.", isNumber: true,
                range: Global.named["debug"]?.range,
                apply: { linux_set_log_threshold(Int32(clamping: LogScale.level(Int($0.num), isSER: isSER))) },
                read: { apus_value(Int64(level)) }))
        let shared = SharedPointer(modules.shared)
        let first = changeable.all.count
        let options = ResolverOptions(settings)
        for name in ResolverOptions.changeable {
            let value = initial(name, settings, command)
            changeable.add(
                ChangeableParameter(
                    group: "core", name: name, doc: "The global parameter of that name.", isNumber: true,
                    range: Global.named[name]?.range, apply: { _ in apply(options, shared, from: first) },
                    read: { apus_value(Int64(value)) }))
        }
    }

    /// What a config makes of one of them.
    static func initial(_ name: String, _ settings: Settings, _ command: Options) -> Int {
        guard name == "debug" else { return ResolverOptions.initial(name, settings) }
        return (command.debugLevel ?? settings.number("debug")) + command.debugIncrease
    }

    /// The server's, which lives for ever.
    private struct SharedPointer: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<HostShared>
        init(_ pointer: UnsafeMutablePointer<HostShared>) { self.pointer = pointer }
    }

    /// [worker] Reads all of them anew out of the worker's table, in which they follow each other from `first` on.
    private static func apply(_ options: ResolverOptions, _ shared: SharedPointer, from first: Int) {
        guard let worker = Worker.current, let resolver = Resolver.of(worker),
            let table = shared.pointer.worker?.pointee.settings
        else { return }
        var options = options
        options.takeChangeable { name in
            ResolverOptions.changeable.firstIndex(of: name).map { Int(table[first + $0].num) } ?? 0
        }
        resolver.pointee.options = options
    }

    // MARK: - The script's own

    /// `group.name = value desc "..."`: declares it, or sets the parameter of the module that the group is.
    static func declareOwn(_ settings: Settings, in registry: Registry, _ modules: Modules) {
        for own in settings.custom {
            if modules.module(named: own.group) != nil, own.instance == nil {
                modules.set(own.group, own.name, own.value.parameterValue(PermanentText.bytes), at: own.range)
                continue
            }
            guard own.group != "core" else {
                modules.diagnostics.error(
                    "`core` is the group of the server's own parameters", at: own.range,
                    hint: "write `\(own.name) = ...`, or choose another group")
                continue
            }
            let isNumber: Bool
            let value: apus_value
            switch own.value {
            case .number(let number): (isNumber, value) = (true, apus_value(number))
            case .text(let text): (isNumber, value) = (false, apus_value(apus_str(PermanentText.bytes(text))))
            }
            nonisolated(unsafe) let initial = value
            registry.changeable.add(
                ChangeableParameter(
                    group: own.groupText, name: own.name,
                    doc: own.description ?? "A parameter of the script's.", isNumber: isNumber, range: nil, apply: nil,
                    read: { initial }))
        }
    }
}

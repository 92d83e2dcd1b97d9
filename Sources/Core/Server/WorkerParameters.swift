import CLinux
import PluginAPI

// Invariants: made on the main thread before the workers start and constant from then on; the effects run on workers and touch what is their own, but
// for the log's level and facility, which are one atomic number each. `shared` lives for ever.

/// How workers take over the core's parameters that change: each reads all of a kind anew out of its own table.
struct WorkerParameters: @unchecked Sendable {
    private let shared: UnsafeMutablePointer<HostShared>
    /// By group and name, dotted.
    private let numbers: [String: Int]
    private let resolver: ResolverOptions
    private let isSER: Bool
    private let reader: WorkerSettings.Reader

    init(_ shared: UnsafeMutablePointer<HostShared>, _ changeable: ChangeableParameters, _ settings: Settings) {
        self.shared = shared
        var numbers: [String: Int] = [:]
        for entry in CoreParameters.all {
            numbers[entry.group + "." + entry.name] = changeable.number(entry.group, entry.name)
        }
        self.numbers = numbers
        resolver = ResolverOptions(settings)
        isSER = settings.dialect == .ser
        reader = WorkerSettings.Reader(settings)
    }

    /// [worker] What a change of that kind does; nil: nothing here.
    func effect(_ effect: CoreParameters.Effect) -> (@Sendable (apus_value) -> Void)? {
        switch effect {
        case .logLevel:
            { linux_set_log_threshold(Int32(clamping: LogScale.level(Int($0.num), isSER: isSER))) }
        case .logFacility:
            { value in
                if let facility = Logging.facilities[value.str.string] { Log.setFacility(facility) }
            }
        case .resolver:
            { _ in
                guard let resolver = Worker.current.flatMap({ Resolver.of($0) }) else { return }
                var options = self.resolver
                options.takeChangeable { number("core", $0) }
                resolver.take(options)
            }
        case .connections:
            { _ in
                guard let worker = Worker.current else { return }
                worker.pointee.streams.pointee.options.takeChangeable { number("tcp", $0) }
            }
        case .worker: { _ in takeOwn() }
        case .modules, .none, .fixed: nil
        }
    }

    /// What the server itself keeps for each worker.
    private func takeOwn() {
        guard let own = ServerWorker.current else { return }
        own.pointee.script.pointee.maxWhileLoops = Int64(number("core", "max_while_loops"))
        own.take(reader.read { number("core", $0) })
    }

    /// Of the calling worker.
    private func number(_ group: String, _ name: String) -> Int {
        guard let table = shared.worker?.pointee.settings, let number = numbers[group + "." + name] else { return 0 }
        return Int(table[number].num)
    }
}

import CLinux
import PluginAPI
import Synchronization

// Invariants: made on the main thread and never freed, as its host refers to it for ever. `phase`, `refusals` and
// `captured` belong to the thread that runs the module's set-up (`capturing` names it): the main one, later the one that reads the config
// again; everything else is constant once `declare` has run.

/// One module in this process: its description, its host, and what it said while it was set up. Core has one of its
/// own, for the functions and variables that need no module.
final class LoadedModule: @unchecked Sendable {
    /// What the module may do now.
    enum Phase {
        case declaring
        /// A parameter's setter runs.
        case setting
        /// A function looks at a constant argument.
        case preparing
        case starting
        /// None of the above: traffic, or nothing at all.
        case running

        /// Where that is, in the words of the contract.
        var place: String {
            switch self {
            case .declaring: "`declare`"
            case .setting: "`set` of a parameter"
            case .preparing: "`prepare` of a function"
            case .starting: "`start`"
            case .running: "traffic"
            }
        }
    }

    let description: ModuleDescription
    /// The shared object; empty for Core.
    let file: String
    /// Names under which the config may also speak of it.
    let aliases: [String]
    /// Its loadmodule line.
    let statement: SourceRange?
    let host: UnsafePointer<apus_host>
    let declarer: Declarer

    private(set) var phase = Phase.running
    /// What the host refused during this phase.
    private var refusals: [String] = []
    private var captured: [(level: LogLevel, text: String)] = []
    /// Counters and gauges that it declared, for `apus -M`.
    private(set) var statistics: [(group: String, name: String, doc: String)] = []

    var name: String { description.name }

    init(
        _ description: ModuleDescription, file: String, aliases: [String], statement: SourceRange?,
        shared: UnsafeMutablePointer<HostShared>
    ) {
        self.description = description
        self.file = file
        self.aliases = aliases
        self.statement = statement
        let host = HostRecord.allocate()
        self.host = host
        declarer = Declarer(
            name: description.name, host: host,
            worksUnstarted: description.start == nil && description.worker == nil)
        HostRecord.initialize(host, module: self, shared: shared)
        declarer.setUp = { [unowned self] tell, step in
            if case .failed(let reasons) = run(.preparing, tell: tell, step) { return reasons }
            return nil
        }
    }

    // MARK: - Set-up

    /// How a step of the set-up went.
    enum Outcome: Equatable {
        case done
        /// With what the host refused or the module logged.
        case failed(reasons: [String])
    }

    /// Runs a step of the module's set-up. What it logs meanwhile is held back: it is the reason if the step fails, and else told.
    ///
    /// - Parameter tell: what to do with a line of a step that did not fail; nil: it goes to the log.
    func run(_ phase: Phase, tell: Declarer.Tell? = nil, _ step: () -> CInt) -> Outcome {
        let outer = (self.phase, refusals, captured)
        (self.phase, refusals, captured) = (phase, [], [])
        let capturing = host.record.pointee.capturing
        let before = capturing.pointee.exchange(LoadedModule.thisThread, ordering: .relaxed)
        let result = step()
        capturing.pointee.store(before, ordering: .relaxed)
        defer { (self.phase, refusals, captured) = outer }
        if result >= 0, refusals.isEmpty {
            for (level, text) in captured {
                if let tell { tell(level, text) } else { Log.line(level) { $0.add("\(name): \(text)") } }
            }
            return .done
        }
        let complaints = captured.filter { $0.level <= .error }
        let said = (complaints.isEmpty ? captured : complaints).map(\.text)
        return .failed(reasons: refusals + said)
    }

    /// A line of the module's log, kept while its set-up runs on this thread. False: print it.
    func capture(_ level: LogLevel, _ text: String) { captured.append((level, text)) }

    /// The host refuses something; the step that runs fails with it.
    func refuse(_ text: String) {
        let isSetUp = host.record.pointee.capturing.pointee.load(ordering: .relaxed) != LoadedModule.thisThread
        if isSetUp || phase == .running {
            Log.error("\(name): \(text)")
        } else {
            refusals.append(text)
        }
    }

    func add(statistic group: String, _ name: String, _ doc: String) { statistics.append((group, name, doc)) }

    static var thisThread: UInt { UInt(bitPattern: linux_this_thread()) }
}

import CLinux
import Glibc
import PluginAPI

// Invariants: what can change is written once, on the main thread before any other is started.

/// What this server calls itself.
enum Version {
    static let numbers = (0, 1, 0)
    static let text = "0.1.0"
    static let platform = "x86_64/linux"
    /// `Apus (0.1.0 (x86_64/linux))`, in Server and User-Agent.
    static let product = "Apus (\(text) (\(platform)))"
    /// `apus 0.1.0 (x86_64/linux)`, for operators.
    static let line = "apus \(text) (\(platform))"
    /// What was built in, in Kamailio's words.
    static let flags = "USE_MCAST, USE_NAPTR, USE_DNS_CACHE, USE_DNS_FAILOVER, USE_DST_BLOCKLIST"
    /// The source that was built, as `git describe` has it.
    nonisolated(unsafe) private(set) static var revision = "unknown"
    /// Seconds since 1970 of that source; nil when not known. Two builds of the same source are the same, so it is no time of a build.
    nonisolated(unsafe) private(set) static var epoch: UInt64?

    /// [main] What the build knew of itself; before anything else runs.
    static func take(revision: String, epoch: String) {
        if !revision.isEmpty { Version.revision = revision }
        Version.epoch = UInt64(epoch)
    }

    /// The date of the source as Kamailio writes it, in UTC; empty when not known.
    static var date: String {
        guard let epoch, var time = time_t(exactly: epoch) else { return "" }
        var parts = tm()
        gmtime_r(&time, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            strftime(buffer.baseAddress!, buffer.count, "%H:%M:%S %b %e %Y", &parts)
            return String(cString: buffer.baseAddress!)
        }
    }

    /// The same for modules.
    static var facts: apus_server_facts {
        func text(_ text: String) -> apus_str { apus_str(Bytes(permanent: text)) }
        let parts = platform.split(separator: "/").map(String.init)
        return apus_server_facts(
            size: UInt32(MemoryLayout<apus_server_facts>.size), reserved: 0, name: text("apus"),
            version: text(Version.text), full: text(product), architecture: text(parts[0]), system: text(parts[1]),
            revision: text(revision), built: text(date), compiler: text(String(cString: linux_compiler())),
            flags: text(flags))
    }

    /// What `-V` prints.
    static var report: String {
        """
        version: \(line)
        id: \(revision)\(date.isEmpty ? "" : " of \(date)")
        compatible with scripts of: kamailio 6.0
        module contract: \(APUS_ABI_MAJOR).\(APUS_ABI_MINOR)
        """
    }
}

import PluginAPI

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
    /// What `-V` prints.
    static let report = """
        version: \(line)
        compatible with scripts of: kamailio 6.0
        module contract: \(APUS_ABI_MAJOR).\(APUS_ABI_MINOR)
        """
}

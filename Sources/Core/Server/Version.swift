import PluginAPI

/// What this server calls itself.
enum Version {
    static let numbers = (0, 1, 0)
    static let text = "0.1.0"
    static let platform = "x86_64/linux"
    /// `Apus (0.1.0 (x86_64/linux))`, in Server and User-Agent.
    static let product = "Apus (\(text) (\(platform)))"
    /// What `-V` prints.
    static let report = """
        version: apus \(text) (\(platform))
        compatible with scripts of: kamailio 6.0
        module contract: \(APUS_ABI_MAJOR).\(APUS_ABI_MINOR)
        """
}

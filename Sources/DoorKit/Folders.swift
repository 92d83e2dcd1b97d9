import Glibc
import PluginKit

/// Where a door is when the config does not say.
public enum DoorFolders {
    /// The paths of a door's file: by the core's `run_dir`; else in our own folder, and in Kamailio's where there is one, so that its tools
    /// find us.
    /// - Parameters:
    ///   - own: "apus_ctl"
    ///   - familiar: as Kamailio calls it: "kamailio_ctl"
    public static func defaults(_ host: Host, own: String, familiar: String) -> [String] {
        if let folder = runFolder(host) { return ["\(folder)/\(own)", "\(folder)/\(familiar)"] }
        var paths: [String] = []
        if let folder = ownFolder() { paths.append("\(folder)/\(own)") }
        if access("/run/kamailio", W_OK) == 0 { paths.append("/run/kamailio/\(familiar)") }
        return paths
    }

    /// A path; a plain name lies in the folder for such files.
    public static func path(_ host: Host, _ name: String) -> String {
        if name.contains("/") { return name }
        return (runFolder(host) ?? ownFolder() ?? "/tmp") + "/" + name
    }

    private static func runFolder(_ host: Host) -> String? {
        var value = apus_value()
        guard host.pointee.config.pointee.core(host, "run_dir", &value) > 0, value.isText, !value.str.isEmpty else {
            return nil
        }
        return value.str.string
    }

    private static func ownFolder() -> String? {
        if geteuid() == 0 { mkdir("/run/apus", 0o755) }
        if access("/run/apus", W_OK) == 0 { return "/run/apus" }
        return getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? privateFolder()
    }

    /// Where nobody has made a folder for us: one in /tmp that is this user's alone. nil when somebody else has put something there.
    private static func privateFolder() -> String? {
        let path = "/tmp/apus-\(geteuid())"
        mkdir(path, 0o700)
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & (S_IFMT | 0o077) == S_IFDIR, status.st_uid == geteuid() else {
            return nil
        }
        return path
    }
}

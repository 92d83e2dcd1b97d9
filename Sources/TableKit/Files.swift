import Glibc
import PluginKit

// Invariants: in `start` or on an offload thread, which waits.

/// [start] [offload] All of a file.
public func readFile(_ path: String) throws(ReadFault) -> [UInt8] {
    guard let file = fopen(path, "re") else {
        throw ReadFault("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&part, 1, part.count, file), count > 0 { all += part[..<count] }
    guard ferror(file) == 0 else { throw ReadFault("\(path): it cannot be read to its end") }
    return all
}

extension UnsafePointer<apus_host> {
    /// An absolute path: a relative one begins where the config is, or, when that came by standard input, in the server's folder.
    public func path(besideConfig path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        let config = pointee.config.pointee.file(self).string
        if let slash = config.lastIndex(of: "/") { return config[...slash] + path }
        guard let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }
}

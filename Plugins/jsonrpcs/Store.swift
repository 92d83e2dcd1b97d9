import Glibc
import PluginKit

struct StoreFault: Error {
    let text: String
}

/// Responses in files: `store_path`.
enum Store {
    /// Writes a file that lies in the folder of replies itself, which is the server's own or not there yet.
    /// - Returns: its path.
    static func write(_ response: [UInt8], _ path: String) throws(StoreFault) -> String {
        let folder = state.pointee.replyFolder.string
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        let name = path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(where: { $0 == 0x2F || $0 == 0 }) else {
            throw StoreFault(text: "store_path must name a file in \(prefix)")
        }
        let full = prefix + name
        // Not cut before it is known whose it is.
        let file = open(full, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StoreFault(text: "\(full) cannot be written: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_uid == geteuid(),
            facts.st_nlink == 1
        else { throw StoreFault(text: "\(full) is not written: it is no file of the server's own") }
        guard ftruncate(file, 0) == 0 else {
            throw StoreFault(text: "\(full) cannot be written: \(String(cString: strerror(errno)))")
        }
        var at = 0
        while at < response.count {
            let count = response.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + at, $0.count - at) }
            guard count > 0 else {
                throw StoreFault(text: "\(full) cannot be written: \(String(cString: strerror(errno)))")
            }
            at += count
        }
        return full
    }
}

import COpenSSL
import Glibc
import PluginKit

// Invariants: for the main and the management thread: the file is a config, on a disk of this machine.

extension State {
    /// Remembers the MD5 of `hash_file`; answers what is wrong with it.
    mutating func hashFile() -> String? {
        guard !file.isEmpty else { return nil }
        guard let hash = currentHash else { return "hash_file \(file.string) cannot be read" }
        startHash = hash
        return nil
    }

    /// The MD5 of `hash_file` as it is now, in hexadecimal; nil when it cannot be read.
    var currentHash: String? {
        guard let bytes = State.contents(of: file.string) else { return nil }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_Digest(bytes, bytes.count, &digest, &count, EVP_md5(), nil) == 1 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Of a regular file, at most 16 MiB.
    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 16 << 20 else {
            return nil
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }
}

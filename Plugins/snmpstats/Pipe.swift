import Glibc

/// Pipes that wake the agent's thread.
enum Pipe {
    /// The end to be read, and the one to be written; nobody waits at either.
    static func make() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        _ = Glibc.pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return (ends[0], ends[1])
    }

    /// Reads whatever there is.
    static func empty(_ end: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(end, buffer.baseAddress, buffer.count) > 0 {}
        }
    }
}

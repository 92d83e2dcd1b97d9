import Glibc

/// The process's memory. Bytes.
enum Memory {
    /// What it may have: the address space that it is limited to, else what the machine has.
    static var limit: UInt64 {
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max {
            return UInt64(limit.rlim_cur)
        }
        return UInt64(clamping: sysconf(Int32(_SC_PHYS_PAGES))) * page
    }

    /// What of it is in memory now.
    static var used: UInt64 {
        let fields = File.read("/proc/self/statm").split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * page
    }

    private static var page: UInt64 { UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))) }
}

/// Files of proc(5).
enum File {
    /// The bytes of a file; none when it cannot be read.
    static func read(_ path: String) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return [] }
        defer { close(fd) }
        var bytes: [UInt8] = []
        return withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while true {
                let got = Glibc.read(fd, buffer.baseAddress, buffer.count)
                guard got > 0 else { return bytes }
                bytes.append(contentsOf: buffer[0..<got])
            }
        }
    }
}

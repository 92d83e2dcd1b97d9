import CLinux

/// The process's memory, in the peers' words for their shared memory. The C library's heap, which all pools take theirs from.
enum HeapFigures {
    /// The statistics of group `shmem`, computed when somebody reads them. Bytes, but for the last.
    static let all: [(name: String, doc: String, read: @Sendable () -> UInt64)] = [
        ("total_size", "Bytes of heap taken from the system.", { UInt64(linux_heap().total) }),
        ("used_size", "Bytes of heap in use.", { UInt64(linux_heap().used) }),
        ("real_used_size", "Bytes of heap in use.", { UInt64(linux_heap().used) }),
        ("max_used_size", "Most bytes of memory that the process ever had.", { peak }),
        ("free_size", "Bytes of heap taken from the system and not in use.", { UInt64(linux_heap().free) }),
        ("fragments", "Free pieces of heap.", { UInt64(linux_heap().fragments) }),
    ]

    /// Bytes of memory that the process had at most (VmHWM of proc(5)); 0 when it is not known.
    static var peak: UInt64 {
        guard let status = try? Syscalls.readFile("/proc/self/status", limit: 1 << 16) else { return 0 }
        for line in status.split(separator: 0x0A) where line.starts(with: "VmHWM:".utf8) {
            let digits = line.filter { $0 &- 0x30 < 10 }
            return (UInt64(String(decoding: digits, as: UTF8.self)) ?? 0) << 10
        }
        return 0
    }

    /// Declares the group.
    static func declare(in statistics: Statistics) {
        for one in all { _ = statistics.declare("shmem", one.name, one.doc, kind: .computed(one.read)) }
    }
}

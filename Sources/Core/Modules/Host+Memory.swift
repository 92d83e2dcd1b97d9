import PluginAPI
import Synchronization

// Invariants: a MemoryUse is written by its worker's thread only and read from any; it is never freed. A piece lies in the slab of the
// worker that took it, whose header knows its size.

/// What one module holds of one worker's memory.
struct MemoryUse: ~Copyable {
    private let pieces = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)

    /// [worker]
    @inline(__always)
    borrowing func took(_ size: Int) {
        pieces.store(pieces.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        bytes.store(bytes.load(ordering: .relaxed) &+ UInt64(size), ordering: .relaxed)
    }

    /// [worker]
    @inline(__always)
    borrowing func gaveBack(_ size: Int) {
        pieces.store(pieces.load(ordering: .relaxed) &- 1, ordering: .relaxed)
        bytes.store(bytes.load(ordering: .relaxed) &- UInt64(size), ordering: .relaxed)
    }

    /// [any] The two may be of different moments.
    var now: (pieces: UInt64, bytes: UInt64) {
        (pieces.load(ordering: .relaxed), bytes.load(ordering: .relaxed))
    }
}

extension UnsafeMutablePointer<ModuleWorker> {
    /// The calling worker's memory.
    @inline(__always)
    var slab: UnsafeMutablePointer<Slab> { pointee.worker.pointer(to: \.slab).unsafelyUnwrapped }

    /// [worker] A piece that is counted as the module's; nil when it is too large or memory is out.
    @inline(__always)
    func allocate(_ host: UnsafePointer<apus_host>, _ size: Int) -> UnsafeMutableRawPointer? {
        guard let piece = slab.pointee.allocate(size) else { return nil }
        pointee.memory[host.record.pointee.place].took(size)
        return piece
    }

    /// [worker] Gives a piece of this worker back.
    @inline(__always)
    func release(_ host: UnsafePointer<apus_host>, _ piece: UnsafeMutableRawPointer) {
        pointee.memory[host.record.pointee.place].gaveBack(Slab.size(of: piece))
        slab.pointee.free(piece)
    }
}

/// The group `memory`: apus/memory.h.
extension HostTables {
    static func makeMemory() -> apus_memory_api {
        apus_memory_api(
            size: size(apus_memory_api.self),
            allocate: { host, size in host.shared.worker?.allocate(host, size) },
            release: { host, piece in
                guard let piece, let worker = host.shared.worker else { return }
                worker.release(host, piece)
            },
            in_use: { host, bytes in
                var sum: (pieces: UInt64, bytes: UInt64) = (0, 0)
                if let workers = host.shared.pointee.workers {
                    for index in 0..<Int(host.shared.pointee.workerCount) {
                        let use = workers[index].memory[host.record.pointee.place].now
                        sum = (sum.pieces &+ use.pieces, sum.bytes &+ use.bytes)
                    }
                }
                bytes?.pointee = sum.bytes
                return sum.pieces
            })
    }
}

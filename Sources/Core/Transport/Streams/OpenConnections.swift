import Synchronization

// Invariants: a worker writes its own part only. A chunk is filled with zeros before its address is stored, and is never freed: nor is the
// directory, since modules may ask as long as the server runs.

/// Which connections are there, for threads other than their own.
struct OpenConnections: ~Copyable, Sendable {
    private typealias Use = Atomic<UInt32>

    private static let chunkSize = 1024
    private static let chunkCount = ConnectionID.places / chunkSize
    private let workers: Int
    /// Of each worker: the chunks of its places, nil until they are used.
    nonisolated(unsafe) private let directory: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    init(workers: Int) {
        self.workers = workers
        directory = .allocate(capacity: workers * Self.chunkCount)
        for index in 0..<workers * Self.chunkCount { (directory + index).initialize(to: Atomic(nil)) }
    }

    /// On the connection's worker: it is there from now on.
    func open(_ id: ConnectionID) {
        let slot = directory + (id.worker * Self.chunkCount + id.place / Self.chunkSize)
        let chunk = slot.pointee.load(ordering: .relaxed) ?? Self.makeChunk(at: slot)
        use(chunk, id).pointee.store(id.use, ordering: .releasing)
    }

    private static func makeChunk(at slot: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>)
        -> UnsafeMutableRawPointer
    {
        let chunk = UnsafeMutablePointer<Use>.allocate(capacity: chunkSize)
        for index in 0..<chunkSize { (chunk + index).initialize(to: Atomic(0)) }
        slot.pointee.store(UnsafeMutableRawPointer(chunk), ordering: .releasing)
        return UnsafeMutableRawPointer(chunk)
    }

    /// On the connection's worker: it is no more.
    func close(_ id: ConnectionID) {
        let slot = directory + (id.worker * Self.chunkCount + id.place / Self.chunkSize)
        guard let chunk = slot.pointee.load(ordering: .relaxed) else { return }
        use(chunk, id).pointee.store(0, ordering: .releasing)
    }

    /// From any thread.
    func isOpen(_ id: ConnectionID) -> Bool {
        guard id.worker < workers, id.use != 0 else { return false }
        let slot = directory + (id.worker * Self.chunkCount + id.place / Self.chunkSize)
        guard let chunk = slot.pointee.load(ordering: .acquiring) else { return false }
        return use(chunk, id).pointee.load(ordering: .acquiring) == id.use
    }

    @inline(__always)
    private func use(_ chunk: UnsafeMutableRawPointer, _ id: ConnectionID) -> UnsafeMutablePointer<Use> {
        chunk.assumingMemoryBound(to: Use.self) + id.place % Self.chunkSize
    }
}

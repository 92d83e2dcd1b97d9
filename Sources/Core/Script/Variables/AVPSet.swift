import PluginAPI

// Invariants: a set lies in a piece of its worker's slab, as do the chunks of its arena; that worker's thread alone touches it. `owners` counts
// the runs that see it and the modules that share it; with the last one all of it goes back. `avps` and `xavps` lie in the set and
// its arena.

/// The AVPs and XAVPs that one run sees, or several in turn, as those of one transaction: `apus_avps` of the contract.
struct AVPSet {
    var avps: AVPList
    /// Nil until the first is set.
    fileprivate var xavps: UnsafeMutablePointer<XAVPList>?
    fileprivate var arena: Arena
    fileprivate var owners: UInt32
    fileprivate let worker: UnsafeMutablePointer<ScriptWorker>

    /// Bytes that one set may take: from the slab, and only when a value is set.
    private static let arenaLimit = 8 << 20

    /// An empty set with one owner; nil when memory is out.
    fileprivate static func make(on worker: UnsafeMutablePointer<ScriptWorker>) -> UnsafeMutablePointer<AVPSet>? {
        let slab = worker.pointee.slab
        guard let piece = slab.pointee.allocate(MemoryLayout<AVPSet>.stride) else { return nil }
        let set = piece.bindMemory(to: AVPSet.self, capacity: 1)
        let arena = set.pointer(to: \.arena).unsafelyUnwrapped
        let room = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        set.initialize(
            to: AVPSet(
                avps: AVPList(arena: arena), xavps: nil, arena: Arena(slab: slab, room: room, limit: arenaLimit),
                owners: 1, worker: worker))
        return set
    }
}

extension UnsafeMutablePointer<AVPSet> {
    /// One owner more. Everyone who retains releases.
    @inline(__always)
    func retain() { pointee.owners &+= 1 }

    /// One owner less; with the last one all values end.
    func release() {
        pointee.owners &-= 1
        guard pointee.owners == 0 else { return }
        pointee.arena.free()
        pointee.worker.pointee.slab.pointee.free(self)
    }
}

extension UnsafeMutablePointer<Run> {
    /// The set of this run, made when there is none; nil when memory is out.
    var madeAVPSet: UnsafeMutablePointer<AVPSet>? {
        if let set = pointee.avps { return set }
        pointee.avps = AVPSet.make(on: pointee.worker)
        return pointee.avps
    }

    /// The AVPs that this run sees; nil while there are none.
    @inline(__always)
    var avpList: UnsafeMutablePointer<AVPList>? { pointee.avps?.pointer(to: \.avps) }

    /// The same, made when there are none; nil when memory is out.
    @inline(__always)
    var madeAVPList: UnsafeMutablePointer<AVPList>? { madeAVPSet?.pointer(to: \.avps) }

    /// The XAVPs that this run sees; nil while there are none.
    @inline(__always)
    var xavpList: UnsafeMutablePointer<XAVPList>? { pointee.avps?.pointee.xavps }

    /// The same, made when there are none; nil when memory is out.
    var madeXAVPList: UnsafeMutablePointer<XAVPList>? {
        if let list = xavpList { return list }
        guard let set = madeAVPSet else { return nil }
        set.pointee.xavps = XAVPList.make(in: set.pointer(to: \.arena).unsafelyUnwrapped)
        return set.pointee.xavps
    }
}

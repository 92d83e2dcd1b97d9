import PluginAPI

// Invariants: a set lies in memory of its worker from the first use to the end of the process; that worker's thread alone touches it.
// `owners` counts the runs that see it and the modules that share it; with the last one it goes to `ScriptWorker.freeAVPSets`,
// and its arena is reset. `avps` and `xavps` lie in the set and its arena.

/// The AVPs and XAVPs that one run sees, or several in turn, as those of one transaction: `apus_avps` of the contract.
struct AVPSet {
    var avps: AVPList
    /// Nil until the first is set.
    fileprivate var xavps: UnsafeMutablePointer<XAVPList>?
    fileprivate var arena: Arena
    fileprivate var owners: UInt32
    fileprivate let worker: UnsafeMutablePointer<ScriptWorker>
    /// Links free sets.
    fileprivate var next: UnsafeMutablePointer<AVPSet>?

    /// First chunk of its arena, in bytes: half a dozen values fit.
    private static let arenaChunk = 1024 - 16
    /// Bytes that one set may take beyond it.
    private static let arenaLimit = 8 << 20

    /// A set in memory of its own, with one owner.
    @inline(never)
    fileprivate static func make(on worker: UnsafeMutablePointer<ScriptWorker>) -> UnsafeMutablePointer<AVPSet> {
        let set = UnsafeMutablePointer<AVPSet>.allocate(capacity: 1)
        let arena = set.pointer(to: \.arena).unsafelyUnwrapped
        set.initialize(
            to: AVPSet(
                avps: AVPList(arena: arena), xavps: nil, arena: Arena(chunk: arenaChunk, limit: arenaLimit), owners: 1,
                worker: worker, next: nil))
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
        let arena = pointer(to: \.arena).unsafelyUnwrapped
        arena.pointee.reset()
        pointee.avps = AVPList(arena: arena)
        pointee.xavps = nil
        pointee.next = pointee.worker.pointee.freeAVPSets
        pointee.worker.pointee.freeAVPSets = self
    }
}

extension UnsafeMutablePointer<ScriptWorker> {
    /// An empty set with one owner.
    fileprivate func takeAVPSet() -> UnsafeMutablePointer<AVPSet> {
        guard let set = pointee.freeAVPSets else { return AVPSet.make(on: self) }
        pointee.freeAVPSets = set.pointee.next
        set.pointee.next = nil
        set.pointee.owners = 1
        return set
    }
}

extension UnsafeMutablePointer<Run> {
    /// The set of this run, made when there is none.
    var madeAVPSet: UnsafeMutablePointer<AVPSet> {
        if let set = pointee.avps { return set }
        let set = pointee.worker.takeAVPSet()
        pointee.avps = set
        return set
    }

    /// The AVPs that this run sees; nil while there are none.
    @inline(__always)
    var avpList: UnsafeMutablePointer<AVPList>? { pointee.avps?.pointer(to: \.avps) }

    /// The same, made when there are none.
    @inline(__always)
    var madeAVPList: UnsafeMutablePointer<AVPList> { madeAVPSet.pointer(to: \.avps).unsafelyUnwrapped }

    /// The XAVPs that this run sees; nil while there are none.
    @inline(__always)
    var xavpList: UnsafeMutablePointer<XAVPList>? { pointee.avps?.pointee.xavps }

    /// The same, made when there are none; nil when memory is out.
    var madeXAVPList: UnsafeMutablePointer<XAVPList>? {
        if let list = xavpList { return list }
        let set = madeAVPSet
        set.pointee.xavps = XAVPList.make(in: set.pointer(to: \.arena).unsafelyUnwrapped)
        return set.pointee.xavps
    }
}

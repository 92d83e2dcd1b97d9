import EventRing
import Glibc
import PluginKit

// Invariants: made in `start`, and for ever at one address. A worker puts into the rings of its index, the management thread into the last ones; the agent's
// thread alone takes. The bell is a pipe that nobody waits to write to: what does not fit into it has rung already.

/// What workers have to tell of users, on its way to the agent's thread. Telling neither waits nor allocates.
struct UserEvents {
    enum Kind {
        static let came: UInt32 = 1
        static let went: UInt32 = 2
        static let failed: UInt32 = 3
    }

    /// Bytes for contacts that come and go, and for checks that fail: about 1500 of either. One cannot take the other's room.
    private static let capacity = 1 << 16

    fileprivate let contacts: UnsafeMutablePointer<EventRing>
    fileprivate let failures: UnsafeMutablePointer<EventRing>
    /// Rings of each kind.
    fileprivate let count: Int
    /// A pipe's ends: readable when there is much to be taken.
    let bell: Int32
    fileprivate let ringer: Int32
    /// What the bell is rung with.
    fileprivate let byte: UnsafeMutablePointer<UInt8>

    /// [start] For `workers` and the management thread.
    init(workers: UInt32) {
        count = Int(workers) + 1
        let sequence = EventRing.Sequence()
        func rings(_ count: Int) -> UnsafeMutablePointer<EventRing> {
            let rings = UnsafeMutablePointer<EventRing>.allocate(capacity: count)
            for index in 0..<count {
                (rings + index).initialize(to: EventRing(capacity: UserEvents.capacity, sequence))
            }
            return rings
        }
        (contacts, failures) = (rings(count), rings(count))
        (bell, ringer) = Pipe.make()
        byte = permanent(1)
    }

    /// [agent] What has been told since, ring by ring.
    func take(_ ahead: inout [EventRing.Event]) {
        for index in 0..<count {
            (contacts + index).pointee.take { ahead.append($0) }
            (failures + index).pointee.take { ahead.append($0) }
        }
    }

    /// [agent] Contacts that came or went unheard so far, and failed checks.
    var lost: (contacts: UInt64, failures: UInt64) {
        var lost: (contacts: UInt64, failures: UInt64) = (0, 0)
        for index in 0..<count {
            lost.contacts &+= (contacts + index).pointee.lost
            lost.failures &+= (failures + index).pointee.lost
        }
        return lost
    }
}

extension UnsafeMutablePointer<UserEvents> {
    /// [worker] [management] usrloc's callback.
    @_noLocks
    fileprivate func changed(_ event: UnsafePointer<usrloc_event>) {
        let place = index(event.pointee.host)
        let kind = event.pointee.kind == UInt32(USRLOC_INSERTED) ? UserEvents.Kind.came : UserEvents.Kind.went
        let table = UInt(bitPattern: event.pointee.table)
        let answer = (pointee.contacts + place).pointee.put(kind: kind, subject: table, event.pointee.aor)
        if answer == .filling { ring() }
    }

    /// [worker] auth's callback.
    @_noLocks
    fileprivate func failed(_ host: Host, _ name: apus_str, _ domain: apus_str) {
        // No registered user is called so: there is nothing to count.
        guard name.len &+ domain.len <= Int(USRLOC_LONGEST_AOR) else { return }
        let ring = pointee.failures + index(host)
        if ring.pointee.put(kind: UserEvents.Kind.failed, subject: 0, name, domain) == .filling { self.ring() }
    }

    /// The calling thread's rings.
    @_noLocks @inline(__always)
    private func index(_ host: Host) -> Int {
        let index = Int(unchecked { host.pointee.worker.pointee.index(host) })
        return index >= 0 ? index : pointee.count &- 1
    }

    /// Wakes the agent's thread.
    @_noLocks
    private func ring() {
        let (ringer, byte) = (pointee.ringer, pointee.byte)
        _ = unchecked { write(ringer, byte, 1) }
    }

    /// [start] From now on it is told.
    func listen(_ host: Host, _ usrloc: UnsafePointer<usrloc_api>) {
        let kinds = UInt32(USRLOC_INSERTED | USRLOC_DELETED | USRLOC_EXPIRED)
        _ = usrloc.pointee.register_callback(
            host, kinds,
            { event in event.pointee.user?.assumingMemoryBound(to: UserEvents.self).changed(event) }, self)
        if let auth = load_auth(host) {
            _ = auth.pointee.on_failure(
                host, { $3?.assumingMemoryBound(to: UserEvents.self).failed($0, $1, $2) }, self)
        }
    }
}

/// What `@_noLocks` cannot look into: system calls, and calls of the host that neither allocate nor lock.
@_semantics("no_performance_analysis") @inline(__always)
private func unchecked<R>(_ body: () -> R) -> R { body() }

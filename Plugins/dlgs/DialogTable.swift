import Glibc
import PluginKit
import RoutingKit
import Synchronization

// Invariants: made in `start`, there until `stop`. What a stripe's chain leads to is touched under its mutex, which nobody holds for longer than one walk through the
// chain; nothing waits and no module's code runs meanwhile. Totals change together with what they count.

/// The calls of all workers: a call's messages come to one worker, but any worker may ask about all calls.
struct DialogTable {
    private let mutexes: UnsafeMutablePointer<pthread_mutex_t>
    private let chains: UnsafeMutablePointer<DialogRef?>
    /// Memory of each stripe's calls.
    private let slabs: UnsafeMutablePointer<Slab>
    let stripeCount: Int
    /// Calls at most.
    private let most: Int
    private let hash = KeyedHash()
    private let identifiers: UnsafeMutablePointer<Atomic<UInt64>>
    private let start: Int64
    /// By state: calls that there are, and calls that are gone.
    private let totals: UnsafeMutablePointer<Totals>

    struct Totals: ~Copyable {
        let present = [7 of Atomic<Int>](initializingWith: { span in
            for _ in 0..<7 { span.append(Atomic(0)) }
        })
        let gone = [7 of Atomic<Int>](initializingWith: { span in
            for _ in 0..<7 { span.append(Atomic(0)) }
        })
    }

    /// Seconds that calls are kept.
    struct Lifetimes {
        let begun: Int64
        let active: Int64
        let over: Int64
    }

    /// - Parameters:
    ///   - bits: of the number of stripes.
    ///   - most: calls that are kept at a time.
    init(bits: Int, most: Int) {
        stripeCount = 1 << bits
        self.most = most
        mutexes = .allocate(capacity: stripeCount)
        chains = .allocate(capacity: stripeCount)
        chains.initialize(repeating: nil, count: stripeCount)
        slabs = .allocate(capacity: stripeCount)
        for index in 0..<stripeCount {
            pthread_mutex_init(mutexes + index, nil)
            (slabs + index).initialize(to: Slab())
        }
        totals = .allocate(capacity: 1)
        totals.initialize(to: Totals())
        identifiers = .allocate(capacity: 1)
        identifiers.initialize(to: Atomic(0))
        start = now()
    }

    func end() {
        for index in 0..<stripeCount {
            slabs[index].free()
            pthread_mutex_destroy(mutexes + index)
        }
        mutexes.deallocate()
        chains.deallocate()
        slabs.deallocate()
        totals.deinitialize(count: 1)
        totals.deallocate()
        identifiers.deallocate()
    }

    // MARK: - One call

    private func key(_ callID: apus_str, _ fromTag: apus_str) -> UInt64 { hash(callID, hash(fromTag)) }

    private func locked<R>(_ stripe: Int, _ body: () -> R) -> R {
        pthread_mutex_lock(mutexes + stripe)
        defer { pthread_mutex_unlock(mutexes + stripe) }
        return body()
    }

    /// With the stripe's lock.
    private func find(_ stripe: Int, _ key: UInt64, _ callID: apus_str, _ fromTag: apus_str) -> DialogRef? {
        var dialog = chains[stripe]
        while let own = dialog {
            if own.pointee.hash == key, own.pointee.callID.equals(callID), own.pointee.fromTag.equals(fromTag) {
                return own
            }
            dialog = own.pointee.next
        }
        return nil
    }

    /// What has become of a call that was to be followed.
    enum Adding {
        case added
        /// There are as many as there may be.
        case full
        /// Memory is out, or the texts are too long.
        case failed
    }

    /// [any] A call that is there already stays as it is.
    func add(_ facts: Dialog.Facts) -> Adding {
        let key = key(facts.callID, facts.fromTag)
        let stripe = Int(truncatingIfNeeded: key) & (stripeCount - 1)
        return locked(stripe) {
            if find(stripe, key, facts.callID, facts.fromTag) != nil { return .added }
            guard count < most else { return .full }
            let number = identifiers.pointee.wrappingAdd(1, ordering: .relaxed).newValue
            return withUnsafeTemporaryAllocation(byteCount: 48, alignment: 1) { memory in
                var text = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
                text.add("dlgs-")
                text.add(number: start)
                text.add("-")
                text.add(number: Int64(number))
                guard let dialog = Dialog.make(facts, key, text.text, now(), &slabs[stripe]) else { return .failed }
                dialog.pointee.next = chains[stripe]
                chains[stripe] = dialog
                count(dialog.pointee.state, 1)
                return .added
            }
        }
    }

    /// [any] What `body` makes of the call of a message, whichever side it is from; nil when there is none.
    func with<R>(_ message: Message, _ body: (DialogRef, inout Slab) -> R) -> R? {
        let callID = message.field(APUS_FIELD_CALL_ID)
        let (from, to) = (message.field(APUS_FIELD_FROM_TAG), message.field(APUS_FIELD_TO_TAG))
        if let done = with(callID, from, body) { return done }
        // Replies have the From of their request.
        return to.isEmpty ? nil : with(callID, to, body)
    }

    private func with<R>(
        _ callID: apus_str, _ fromTag: apus_str, _ body: (DialogRef, inout Slab) -> R
    ) -> R? {
        let key = key(callID, fromTag)
        let stripe = Int(truncatingIfNeeded: key) & (stripeCount - 1)
        return locked(stripe) { find(stripe, key, callID, fromTag).map { body($0, &slabs[stripe]) } }
    }

    /// [any] False when there is no such call.
    func take(_ event: DialogEvent, _ message: Message) -> Bool {
        let tag = message.field(APUS_FIELD_TO_TAG)
        let known: Void? = with(message) { dialog, slab in
            let before = dialog.pointee.state
            guard dialog.take(event, toTag: tag.isNull ? "" : tag, now(), &slab) else { return }
            count(before, -1)
            count(dialog.pointee.state, 1)
        }
        return known != nil
    }

    // MARK: - All calls

    /// [any] Shows the calls of a stripe, until `body` answers false.
    func each(in stripe: Int, _ body: (DialogRef) -> Bool) {
        locked(stripe) {
            var dialog = chains[stripe]
            while let own = dialog, body(own) { dialog = own.pointee.next }
        }
    }

    /// [any] How many calls that are not over `fits` is true of.
    func count(_ fits: (DialogRef) -> Bool) -> Int {
        var count = 0
        for stripe in 0..<stripeCount {
            each(in: stripe) { dialog in
                if !dialog.pointee.state.isOver, fits(dialog) { count += 1 }
                return true
            }
        }
        return count
    }

    /// [any] Frees those of a stripe whose time is over.
    func expire(_ stripe: Int, _ lifetimes: Lifetimes, _ now: Int64) {
        locked(stripe) {
            var before: DialogRef?
            var dialog = chains[stripe]
            while let own = dialog {
                dialog = own.pointee.next
                guard own.pointee.isOver(lifetimes, now) else {
                    before = own
                    continue
                }
                if let before { before.pointee.next = dialog } else { chains[stripe] = dialog }
                count(own.pointee.state, -1)
                countGone(own.pointee.state)
                own.destroy(&slabs[stripe])
            }
        }
    }

    // MARK: - Totals

    private func count(_ state: DialogState, _ by: Int) {
        totals.pointee.present[Int(state.rawValue)].wrappingAdd(by, ordering: .relaxed)
    }

    private func countGone(_ state: DialogState) {
        totals.pointee.gone[Int(state.rawValue)].wrappingAdd(1, ordering: .relaxed)
    }

    /// [any] Calls of that state that there are, or that are gone.
    func total(_ state: DialogState, gone: Bool = false) -> Int {
        gone
            ? totals.pointee.gone[Int(state.rawValue)].load(ordering: .relaxed)
            : totals.pointee.present[Int(state.rawValue)].load(ordering: .relaxed)
    }

    /// [any] Calls that are not over.
    var ongoing: Int { total(.begun) + total(.ringing) + total(.answered) + total(.confirmed) }

    /// [any] Calls that there are, in whatever state.
    private var count: Int { ongoing + total(.ended) + total(.refused) }

    /// [any] There is no call at all.
    var isEmpty: Bool { count == 0 }
}

extension Dialog {
    fileprivate func isOver(_ lifetimes: DialogTable.Lifetimes, _ now: Int64) -> Bool {
        switch state {
        case .begun, .ringing, .answered: beginning + lifetimes.begun < now
        case .confirmed: answer + lifetimes.active < now
        case .ended, .refused: end + lifetimes.over < now
        }
    }
}

/// Seconds since 1970.
func now() -> Int64 { Int64(time(nil)) }

import Bencode
import PluginKit

// Invariants: as MediaRequest.

/// The end of a session.
extension MediaRequest {
    /// Every proxy that has a session of the call, or of the branch, is told; the script goes on, unless it wants to know what the proxy says.
    @_noLocks func end(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ wishes: Wishes, _ party: Party, _ chain: SetChain
    ) -> CInt {
        guard let text = write(call, media, wishes, .delete, "", party) else {
            return call.refuse("the command is too long")
        }
        call.host.count(state.pointee.counters.deletions)
        var told = PeerMask()
        var last: UInt64?
        var record = media.pointee.calls.first(party.callID)
        while let this = record {
            record = media.pointee.calls.next(this)
            guard party.branch.isEmpty || this.pointee.branch.isSame(party.branch) else { continue }
            let number = Int(this.pointee.peer)
            guard !told.contains(number) else { continue }
            told.insert(number)
            let peer = state.pointee.shared.pointee.peers[number]
            if let sequence = tell(call, media, party, this.pointee.set, text, peer) {
                last = sequence
                media.note(deletion: sequence, of: party, on: Int32(number))
            }
        }
        if told.isEmpty {
            last = tell(call, media, party, chain.set, text, nil)
            if let next = chain.next { last = tell(call, media, party, next.set, text, nil) ?? last }
        }
        guard let last else { return .false }
        return state.pointee.marks.isEmpty ? .true : waitForMarks(call, media, last)
    }

    private func tell(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ party: Party, _ set: Int64, _ text: apus_str,
        _ peer: PeerRef?
    ) -> UInt64? {
        guard media.pointee.count < WorkerState.maximumPending,
            let exchange = ExchangeRef.make(
                call.host, .deletion, set: set, callID: party.callID, branch: party.branch, command: text)
        else {
            call.host.count(state.pointee.counters.lostDeletions)
            return nil
        }
        guard let peer else { return media.begin(exchange) }
        return media.send(exchange, to: peer)
    }

    /// Marks of the call's sound are wanted: they come with the answer. The deletion is done whatever becomes of it.
    private func waitForMarks(_ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ sequence: UInt64) -> CInt {
        guard let exchange = media.pointee.find(sequence), exchange.pointee.token == 0 else { return .true }
        let token = unchecked { call.host.pointee.suspend.pointee.begin(call, 0, takeMarks, nil) }
        guard token.value != 0 else { return .true }
        exchange.pointee.token = token.value
        return .suspended
    }
}

extension UnsafeMutablePointer<WorkerState> {
    /// The sessions of a call on a proxy are being ended.
    fileprivate func note(deletion: UInt64, of party: MediaRequest.Party, on peer: Int32) {
        // It may have failed at once.
        let deletion = pointee.find(deletion) == nil ? 0 : deletion
        var record = pointee.calls.first(party.callID)
        while let this = record {
            record = pointee.calls.next(this)
            guard this.pointee.peer == peer,
                party.branch.isEmpty || this.pointee.branch.isSame(party.branch)
            else { continue }
            pointee.calls.end(this, deletion: deletion, now: host.now)
        }
    }
}

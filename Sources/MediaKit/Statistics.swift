import PluginKit
import RoutingKit

// Invariants: what was counted lies in memory of the message, in one piece that is made once for each message. A getter copies it for the run.

/// [declare] `$rtpstat` and its other names.
extension UnsafePointer<apus_host> {
    public func mediaStatistics(_ name: StaticString) {
        variable(
            name, doc: "What the media proxy has counted for the call: bytes, packets, errors. It asks the proxy.",
            ask: askForTotals, get: readTotals)
    }
}

extension UnsafePointer<apus_call> {
    /// For the getter; nil: there is nothing to tell.
    func keepTotals(_ totals: Totals?) {
        let place = unchecked {
            let slots = host.pointee.slots
            let known = slots.pointee.message(pointee.msg, state.pointee.totalsSlot)
            if known != nil || totals == nil { return known?.assumingMemoryBound(to: Totals?.self) }
            let message = message
            let place = message.api.pointee.allocate(message.handle, MemoryLayout<Totals?>.stride)?
                .bindMemory(to: Totals?.self, capacity: 1)
            slots.pointee.set_message(pointee.msg, state.pointee.totalsSlot, place)
            return place
        }
        place?.initialize(to: totals)
    }
}

private let askForTotals: @convention(c) (Call) -> CInt = { ask($0) }

@_noLocks private func ask(_ call: Call) -> CInt {
    call.keepTotals(nil)
    guard let media = call.host.media else { return .false }
    let callID = call.message.text(APUS_FIELD_CALL_ID)
    guard let record = media.pointee.calls.first(callID), record.pointee.isDeleted else {
        var request = MediaRequest(.query, flags: "")
        request.isQuestion = true
        return request.begin(call)
    }
    // The proxy has said it when it ended the session, or is about to.
    if let totals = record.pointee.totals {
        call.keepTotals(totals)
        return .true
    }
    guard record.pointee.deletion != 0, let exchange = media.pointee.find(record.pointee.deletion),
        exchange.pointee.token == 0
    else { return .false }
    let token = unchecked { call.host.pointee.suspend.pointee.begin(call, 0, takeTotals, nil) }
    guard token.value != 0 else { return .false }
    exchange.pointee.token = token.value
    return .suspended
}

private let takeTotals: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, _, _ in
    let record = call.host.media?.pointee.calls.first(call.message.text(APUS_FIELD_CALL_ID))
    call.keepTotals(record?.pointee.totals)
    return .true
}

private let readTotals: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    let slot = access.host.pointee.slots.pointee.message(access.pointee.msg, state.pointee.totalsSlot)
    guard let totals = slot?.assumingMemoryBound(to: Totals?.self).pointee, var writer = access.writer(Totals.room)
    else {
        return .false
    }
    totals.write(&writer)
    return out.answer(writer.text)
}

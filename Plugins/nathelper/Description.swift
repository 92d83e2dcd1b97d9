import PluginKit
import RoutingKit

/// The bits of `fix_nated_sdp`.
private enum Change {
    static let direction: Int64 = 1
    static let connection: Int64 = 2
    static let mark: Int64 = 4
    static let origin: Int64 = 8
    static let all: Int64 = 15
}

/// `fix_nated_sdp(bits[, address])`: 1 when an address was changed, 2 when none had to be, -1 without a session description.
func fixDescription(_ call: Call) -> CInt {
    let bits = call.int(0)
    guard bits & ~Change.all == 0 else { return call.fail("fix_nated_sdp knows the bits 1, 2, 4 and 8") }
    let text = call.has(1) ? call.text(1) : call.message.field(APUS_FIELD_SOURCE_IP)
    guard let address = call.host.address(text) else { return call.fail("an IP address is wanted") }
    guard let sdp = call.message.sdp, !sdp.isEmpty else { return call.fail("there is no session description") }
    guard var tail = call.writer(sdp.len * 2 + 64 + call.state.pointee.noProxyLine.len) else { return .false }
    let fix = DescriptionFix(
        message: call.message, bits: bits, address: address, text: unbracketed(text),
        keepsOld: call.state.pointee.keepsOldAddress != 0)
    guard let changed = fix.apply(sdp, &tail, noProxy: call.state.pointee.noProxyLine) else { return .false }
    return changed ? 1 : 2
}

/// Checks a constant, the first argument.
let prepareDescriptionFix: Preparation = { _, index, constant, _, complaint in
    guard index == 0 else { return .true }
    guard let bits = constant.number, bits & ~Change.all == 0 else {
        return complaint.say("a sum of 1, 2, 4 and 8 is wanted")
    }
    return .true
}

private func unbracketed(_ text: apus_str) -> apus_str { text.hasPrefix("[") ? text[1..<text.len - 1] : text }

private struct DescriptionFix {
    let message: Message
    let bits: Int64
    let address: apus_address
    let text: apus_str
    let keepsOld: Bool

    private static var directionLine: apus_str { "a=direction:active\r\n" }

    /// - Parameter tail: room for what is put behind the description.
    /// - Returns: whether an address was changed; nil when an earlier change is in the way.
    func apply(_ sdp: apus_str, _ tail: inout Writer, noProxy: apus_str) -> Bool? {
        if !sdp.hasSuffix("\n") { tail.add("\r\n") }
        let begin = tail.text.len
        let hasMedia = addDirections(sdp)
        guard let hasMedia else { return nil }
        if hasMedia, bits & Change.direction != 0 { tail.add(DescriptionFix.directionLine) }
        if bits & Change.mark != 0 { tail.add(noProxy) }
        var changed = false
        // Old addresses stand in this order behind the description.
        for kind in [DescriptionLines.Kind.connection, .origin] {
            guard let some = changeAddresses(sdp, kind, &tail) else { return nil }
            if some { changed = true }
        }
        guard tail.text.len > begin else { return changed }
        return message.replace(sdp[sdp.len..<sdp.len], with: tail.text) ? changed : nil
    }

    /// At the end of each stream but the last, whose end is the description's.
    /// - Returns: whether there are streams; nil when an earlier change is in the way.
    private func addDirections(_ sdp: apus_str) -> Bool? {
        var lines = DescriptionLines(sdp)
        var hasMedia = false
        while let line = lines.next() {
            guard line.kind == .media else { continue }
            if hasMedia, bits & Change.direction != 0,
                !message.replace(line.text[0..<0], with: DescriptionFix.directionLine)
            {
                return nil
            }
            hasMedia = true
        }
        return hasMedia
    }

    private func changeAddresses(_ sdp: apus_str, _ kind: DescriptionLines.Kind, _ tail: inout Writer) -> Bool? {
        guard bits & (kind == .connection ? Change.connection : Change.origin) != 0 else { return false }
        var lines = DescriptionLines(sdp)
        var changed = false
        while let line = lines.next() {
            guard line.kind == kind, let old = line.address, let family = line.family, !isNull(old),
                !isSame(old)
            else { continue }
            guard message.replace(old, with: text),
                family.equals(familyName) || message.replace(family, with: familyName)
            else { return nil }
            changed = true
            if keepsOld {
                tail.add(family.equals("IP6") ? "a=oldmediaip6:" : "a=oldmediaip:")
                tail.add(old)
                tail.add("\r\n")
            }
        }
        return changed
    }

    private var familyName: apus_str { address.family == 6 ? "IP6" : "IP4" }

    /// The stream is on hold (RFC 2543); a new address would open it again.
    private func isNull(_ text: apus_str) -> Bool { text.equals("0.0.0.0") || text.equals("::") }

    private func isSame(_ text: apus_str) -> Bool { text.equals(self.text) }
}

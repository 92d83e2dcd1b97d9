import PluginKit
import RoutingKit

// Invariants: what is prepared is no address but a number: twice the index of the value, and 1 if only its URI is wanted.

/// The select `@nathelper.rewrite_contact[n]`: a Contact with the address that the message came from, in the message as it is.
func declareSelects(_ host: Host) {
    let name: StaticString = "nathelper"
    let doc: StaticString =
        "the n-th Contact with the address that the message came from: .rewrite_contact[n], then .nameaddr.uri for its URI"
    name.withUTF8Buffer { name in
        doc.withUTF8Buffer { doc in
            var select = apus_select(
                size: UInt32(MemoryLayout<apus_select>.size), reserved: 0,
                name: UnsafeRawPointer(name.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self),
                doc: UnsafeRawPointer(doc.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self),
                prepare: { _, path, prepared, complaint in prepareContact(path, prepared, complaint) },
                get: rewriteContact)
            _ = host.pointee.vars.pointee.add_select(host, &select)
        }
    }
}

private func prepareContact(
    _ path: apus_str, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ complaint: UnsafeMutablePointer<apus_complaint>
) -> CInt {
    let beginning: apus_str = ".rewrite_contact["
    guard path.hasPrefix(beginning), let end = path.index(of: UInt8(ascii: "]")) else {
        return complaint.say("rewrite_contact[1] is expected")
    }
    guard let index = path[beginning.len..<end].number, 1...Int64(UInt16.max) ~= index else {
        return complaint.say("Contacts are counted from 1")
    }
    let rest = path.dropFirst(end + 1)
    guard rest.isEmpty || rest.equals(".nameaddr.uri") else {
        return complaint.say("behind the index there is .nameaddr.uri, or nothing")
    }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: Int(index) << 1 | (rest.isEmpty ? 0 : 1))
    return .true
}

private let rewriteContact: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    let wanted = Int(bitPattern: access.pointee.user)
    let message = access.message
    var left = wanted >> 1
    var found = apus_str()
    message.eachValue("Contact") { value in
        left -= 1
        found = value
        return left > 0
    }
    guard left == 0, let address = message.parse(nameAddr: found), let start = found.s, let uri = address.uri.s,
        let fixed = message.rewritten(address.uri, { access.writer($0) })
    else { return .false }
    if wanted & 1 != 0 { return out.answer(fixed) }
    guard var writer = access.writer(found.len + fixed.len) else { return .false }
    let from = uri - start
    writer.add(found[0..<from])
    writer.add(fixed)
    writer.add(found[from + address.uri.len..<found.len])
    return out.answer(writer.text)
}

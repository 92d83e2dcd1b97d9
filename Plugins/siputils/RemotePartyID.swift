import PluginKit

/// `append_rpid_hf([prefix, suffix])`: Remote-Party-ID from the variable that `rpid_avp` names.
func appendRemotePartyID(_ call: Call) -> CInt {
    guard let party = remoteParty(call) else { return .false }
    let prefix = call.has(0) ? call.text(0) : call.state.pointee.partyPrefix
    let suffix = call.has(1) ? call.text(1) : call.state.pointee.partySuffix
    guard var line = call.writer(prefix.len + party.len + suffix.len + 24) else { return .false }
    line.add("Remote-Party-ID: ")
    line.add(prefix)
    line.add(party)
    line.add(suffix)
    line.add("\r\n")
    return call.message.insert(line.text, after: nil) ? .true : .false
}

/// `is_rpid_user_e164()`
func isRemotePartyE164(_ call: Call) -> CInt {
    guard let party = remoteParty(call) else { return .false }
    let message = call.message
    let text = message.parse(nameAddr: party)?.uri ?? party
    let user = message.parse(uri: text)?.user ?? text
    return user.isE164(longest: call.state.pointee.longestNumber) ? .true : .false
}

private func remoteParty(_ call: Call) -> apus_str? {
    guard let variable = call.state.pointee.party else { return nil }
    var value = apus_value()
    guard call.host.pointee.vars.pointee.get(call, variable, &value) > 0, value.isText, !value.str.isEmpty else {
        return nil
    }
    return value.str
}

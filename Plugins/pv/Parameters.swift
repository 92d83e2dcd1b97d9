import PluginKit

/// Parameters that say what variables hold before a script sets them, and what AVPs are called.
func declareParameters(_ host: Host) {
    host.parameter(
        "shvset", doc: "A $shv and its value at the start of the server: name=i:number or name=s:text."
    ) { host, value, _ in
        guard let (name, value) = assignment(value.pointee.str) else { return refuse(host) }
        var kept = value
        host.pointee.vars.pointee.set_shared(name, &kept)
        return .true
    }
    host.parameter(
        "varset", doc: "A $var and its value at the start of each run: name=i:number or name=s:text."
    ) { host, value, _ in
        guard let (name, value) = assignment(value.pointee.str) else { return refuse(host) }
        var kept = value
        return host.pointee.vars.pointee.set_initial(host, name, &kept)
    }
    host.parameter(
        "avp_aliases", doc: "Other names of AVPs: alias=s:name;alias=i:number."
    ) { host, value, _ in
        var rest = value.pointee.str
        while var one = rest.next(UInt8(ascii: ";")) {
            if one.trimmed.isEmpty { continue }
            guard let alias = one.next(UInt8(ascii: "="))?.trimmed, !alias.isEmpty, isAVP(one.trimmed) else {
                host.log(.error, "write alias=s:name or alias=i:number, several with a semicolon between them")
                return .false
            }
            guard host.pointee.vars.pointee.add_avp_alias(host, alias, one.trimmed) > 0 else { return .false }
        }
        return .true
    }
}

private func refuse(_ host: Host) -> CInt {
    host.log(.error, "write name=i:number or name=s:text")
    return .false
}

/// `name=i:1`, `name=s:text`; nil when it is neither. The text is taken as it stands.
private func assignment(_ text: apus_str) -> (apus_str, apus_value)? {
    guard let equals = text.index(of: UInt8(ascii: "=")), equals > 0 else { return nil }
    let name = text[0..<equals].trimmed
    let value = text.dropFirst(equals + 1)
    guard !name.isEmpty, value.len >= 2, value[1] == UInt8(ascii: ":") else { return nil }
    switch value[0] {
    case UInt8(ascii: "i"): return value.dropFirst(2).number.map { (name, apus_value($0)) }
    case UInt8(ascii: "s"): return (name, apus_value(value.dropFirst(2)))
    default: return nil
    }
}

/// `name`, `s:name`, `i:7`
private func isAVP(_ text: apus_str) -> Bool {
    guard text.len > 2, text[1] == UInt8(ascii: ":") else { return !text.isEmpty && text.index(of: 0x3a) == nil }
    return apus_str.lower(text[0]) == UInt8(ascii: "s")
        || apus_str.lower(text[0]) == UInt8(ascii: "i") && text.dropFirst(2).number != nil
}

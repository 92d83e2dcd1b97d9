import PluginKit
import RoutingKit

/// `remove_body()`: with its Content-Type; Content-Length becomes 0.
func removeBody(_ call: Call) -> CInt {
    let message = call.message
    var isDone = true
    if !message.part(APUS_PART_BODY).isEmpty {
        isDone = message.api.pointee.set_body(call.pointee.msg, "", "") > 0
    }
    message.eachHeader("Content-Type") {
        var header = $0
        isDone = message.remove(&header) && isDone
        return true
    }
    return call.edited(isDone)
}

/// `keep_hf([names])`: removes the headers whose names do not match.
func keepHeaders(_ call: Call) -> CInt {
    let message = call.message
    var index = 0
    var isDone = true
    while var header = message.header(at: index) {
        if !message.needs(header.name), !call.matches(header.name) { isDone = message.remove(&header) && isDone }
        index += 1
    }
    return call.edited(isDone)
}

extension Message {
    /// Headers without which a message is none, or goes elsewhere.
    fileprivate func needs(_ name: apus_str) -> Bool {
        let same = api.pointee.same_header
        return same(name, "Via") > 0 || same(name, "From") > 0 || same(name, "To") > 0 || same(name, "Call-ID") > 0
            || same(name, "CSeq") > 0 || same(name, "Max-Forwards") > 0 || same(name, "Contact") > 0
            || same(name, "Route") > 0 || same(name, "Record-Route") > 0 || same(name, "Content-Type") > 0
            || same(name, "Content-Length") > 0
    }
}

extension UnsafePointer<apus_call> {
    /// Without an argument no name does.
    fileprivate func matches(_ name: apus_str) -> Bool {
        guard has(0), let regex = argument(0).regex else { return false }
        return host.pointee.regex.pointee.match(regex, name, 0, nil, 0) > 0
    }
}

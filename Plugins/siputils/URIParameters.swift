import PluginKit
import RoutingKit

extension UnsafePointer<apus_call> {
    /// The Request-URI in force, and taken apart.
    fileprivate var target: (text: apus_str, uri: apus_uri)? {
        guard message.isRequest else { return nil }
        let text = message.field(APUS_FIELD_REQUEST_URI)
        return message.parse(uri: text).map { (text, $0) }
    }

    /// Sets the Request-URI to the old one with two texts in the place of a piece of it.
    fileprivate func setTarget(
        _ text: apus_str, _ piece: Range<Int>, _ first: apus_str = "", _ second: apus_str = ""
    ) -> CInt {
        guard var writer = writer(text.len + first.len + second.len) else { return .false }
        writer.add(text[0..<piece.lowerBound])
        writer.add(first)
        writer.add(second)
        writer.add(text[piece.upperBound..<text.len])
        return message.api.pointee.set_request_uri(pointee.msg, writer.text) > 0 ? .true : .false
    }

    /// The value of the Request-URI's parameter that the first argument names; "" when it has none, nil when it is absent.
    fileprivate var parameterValue: apus_str? {
        guard let target, !target.uri.params.isEmpty else { return nil }
        return message.parameter(text(0), in: target.uri.params)
    }
}

/// `uri_param(name[, value])`: present without a value, or with this one.
func hasURIParameter(_ call: Call) -> CInt {
    guard let value = call.parameterValue else { return .false }
    return call.has(1) ? (value.equals(call.text(1)) ? .true : .false) : (value.isEmpty ? .true : .false)
}

/// `uri_param_any(name)`
func hasURIParameterAtAll(_ call: Call) -> CInt { call.parameterValue != nil ? .true : .false }

/// `get_uri_param(name, result)`
func getURIParameter(_ call: Call) -> CInt {
    guard let value = call.parameterValue else { return .false }
    return call.set(1, apus_value(value))
}

/// `add_uri_param("name=value")`
func addURIParameter(_ call: Call) -> CInt {
    guard !call.text(0).isEmpty else { return .true }
    guard let (text, uri) = call.target, let start = text.s else { return .false }
    let end = uri.headers.s.map { $0 - start - 1 } ?? text.len
    return call.setTarget(text, end..<end, ";", call.text(0))
}

/// `uri_param_rm(name)`
func removeURIParameter(_ call: Call) -> CInt {
    guard let (text, uri) = call.target, let place = uri.place(ofParameter: call.text(0), in: text) else {
        return call.message.isRequest ? .true : .false
    }
    return call.setTarget(text, place)
}

/// `is_gruu([uri])`: 1 a public one, 2 a temporary one (RFC 5627 section 5.1).
func isGRUU(_ call: Call) -> CInt {
    let message = call.message
    let text = call.has(0) ? call.text(0) : message.field(APUS_FIELD_REQUEST_URI)
    guard let uri = message.parse(uri: text), !uri.params.isEmpty, let value = message.parameter("gr", in: uri.params)
    else { return .false }
    return value.isEmpty ? 2 : 1
}

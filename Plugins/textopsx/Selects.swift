import PluginKit
import RoutingKit

/// Selects on headers.
func declareSelects(_ host: Host) {
    let selects: [(StaticString, StaticString, SelectPreparation, VariableGetter)] = [
        (
            "hf_value",
            "a value of a header that is a list: .name[index], then .uri, .name, .nameaddr, .p.parameter or .parameter",
            prepareValueSelect, selectValue
        ),
        (
            "hf_value2", "a header that is no list, or a parameter of it: .name[index].parameter", prepareHeaderSelect,
            selectHeader
        ),
        (
            "hf_value_exists", "1 when the header has the value, else 0: .name.value", prepareExistsSelect,
            selectExistence
        ),
    ]
    for (name, doc, prepare, get) in selects {
        name.withUTF8Buffer { name in
            doc.withUTF8Buffer { doc in
                let texts = (name.baseAddress.unsafelyUnwrapped, doc.baseAddress.unsafelyUnwrapped)
                var select = apus_select(
                    size: UInt32(MemoryLayout<apus_select>.size), reserved: 0,
                    name: UnsafeRawPointer(texts.0).assumingMemoryBound(to: CChar.self),
                    doc: UnsafeRawPointer(texts.1).assumingMemoryBound(to: CChar.self), prepare: prepare, get: get)
                _ = host.pointee.vars.pointee.add_select(host, &select)
            }
        }
    }
}

typealias VariableGetter = @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt

private let selectExistence: VariableGetter = { access, out in
    let path = access.path
    let isThere = access.message.lists(path.key, in: path.name, inSelect: path.isLoose)
    return out.answer(isThere ? "1" : "0")
}

private let selectHeader: VariableGetter = { access, out in
    let path = access.path
    guard let header = access.message.header(path.name, at: path.index == 0 ? 1 : path.index) else { return .false }
    guard path.part == .parameter else { return out.answer(header.value) }
    return out.answer(header.value.parameter(path.key, .commas, inSelect: path.isLoose)?.value ?? apus_str())
}

private let selectValue: VariableGetter = { access, out in
    let path = access.path
    if path.index == 0, path.part == .whole || (path.part == .uri && path.uriPart == .whole) {
        return out.answer(access.all(path))
    }
    guard let value = access.message.value(path.name, at: path.index == 0 ? 1 : path.index) else { return .false }
    return out.answer(access.part(path, of: value))
}

extension UnsafePointer<apus_access> {
    fileprivate var path: SelectPath {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: SelectPath.self).pointee
    }

    /// All values, or the URIs in them, with commas between them; no text when there is none.
    fileprivate func all(_ path: SelectPath) -> apus_str {
        var count = 0
        var size = 0
        var only = apus_str()
        message.eachValue(path.name) {
            only = part(path, of: $0)
            count += 1
            size += only.len + 1
            return true
        }
        guard count > 1 else { return only }
        guard var text = writer(size) else { return apus_str() }
        message.eachValue(path.name) {
            if text.count > 0 { text.add(",") }
            text.add(part(path, of: $0))
            return true
        }
        return text.text
    }

    fileprivate func part(_ path: SelectPath, of value: apus_str) -> apus_str {
        switch path.part {
        case .whole: return value
        case .parameter: return value.parameter(path.key, .semicolons, inSelect: path.isLoose)?.value ?? apus_str()
        case .parameters: return value.dropFirst(value.end(of: UInt8(ascii: ";")) + 1).trimmed
        case .name: return message.parse(nameAddr: value)?.display.withoutQuotes ?? apus_str()
        case .quotedName: return message.parse(nameAddr: value)?.display ?? apus_str()
        case .uri:
            let uri = message.parse(nameAddr: value)?.uri ?? value[0..<value.end(of: UInt8(ascii: ";"))].trimmed
            return path.uriPart == .whole ? uri : part(path, ofURI: uri)
        }
    }

    private func part(_ path: SelectPath, ofURI text: apus_str) -> apus_str {
        guard let uri = message.parse(uri: text) else { return apus_str() }
        switch path.uriPart {
        case .whole: return text
        case .user: return uri.user
        case .host: return uri.host
        case .port: return uri.port
        case .password: return uri.password
        case .hostPort: return hostPort(uri)
        case .transport:
            if !uri.transport.isEmpty { return uri.transport }
            return uri.isSecure ? "tls" : "udp"
        case .type: return text[0..<(text.index(of: UInt8(ascii: ":")) ?? text.len)]
        case .numberUser: return message.parameter("rn", in: uri.params) ?? uri.user
        case .parameters: return uri.params
        case .parameter: return message.parameter(path.key, in: uri.params) ?? apus_str()
        }
    }

    /// With the port of the scheme where none is written, as other selects give it.
    private func hostPort(_ uri: apus_uri) -> apus_str {
        guard !uri.host.isEmpty, var text = writer(uri.host.len + uri.port.len + 6) else { return apus_str() }
        text.add(uri.host)
        text.add(":")
        text.add(uri.port.isEmpty ? (uri.isSecure ? "5061" : "5060") : uri.port)
        return text.text
    }
}

extension apus_uri {
    fileprivate var isSecure: Bool { scheme == 2 || scheme == 4 }
}

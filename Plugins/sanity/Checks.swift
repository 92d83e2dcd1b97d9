import PluginKit
import RoutingKit

/// The checks by their numbers in scripts.
///
/// 1, 4, 32 and 128 look for what the server refuses before the script: another version than SIP/2.0, a request without To, From, CSeq, Call-ID or
/// Via, another method in CSeq, a body shorter than Content-Length. 16384 asks for a Via with an address, which every message has then. 8 and 16
/// never did anything.
enum Checks {
    static var scheme: Int64 { 2 }
    static var cseqNumber: Int64 { 64 }
    static var expires: Int64 { 256 }
    static var proxyRequire: Int64 { 512 }
    static var uris: Int64 { 1024 }
    static var credentials: Int64 { 2048 }
    static var tags: Int64 { 4096 }
    static var digests: Int64 { 8192 }
    static var rules: Int64 { 32768 }
    static var sizes: Int64 { 65536 }

    static var range: ClosedRange<Int64> { 1...131071 }
    static var uriRange: ClosedRange<Int64> { 1...15 }
}

extension UnsafePointer<apus_call> {
    /// The first check that the message fails.
    func fault(_ checks: Int64, uris: Int64) -> Fault? {
        let settings = state.pointee.settings
        if checks & Checks.sizes != 0 || settings.alwaysChecksSizes != 0, message.exceeds(settings.sizes) {
            return .silent
        }
        if checks & Checks.scheme != 0, message.isRequest, let fault = message.schemeFault { return fault }
        if checks & Checks.rules != 0, message.breaksRules { return .silent }
        if checks & Checks.cseqNumber != 0, message.hasLargeCSeq { return .cseqNumber }
        if checks & Checks.expires != 0, let fault = message.expiresFault { return fault }
        if checks & Checks.proxyRequire != 0 {
            var isAny = false
            eachUnsupported { _ in isAny = true }
            if isAny { return .proxyRequire }
        }
        if checks & Checks.uris != 0, let fault = message.uriFault(uris) { return fault }
        if checks & Checks.credentials != 0, let fault = message.credentialsFault { return fault }
        if checks & Checks.digests != 0, let fault = message.digestsFault { return fault }
        if checks & Checks.tags != 0, let fault = message.tagsFault { return fault }
        return nil
    }

    /// Each option tag of Proxy-Require (RFC 3261 section 20.29) that the parameter `proxy_require` does not list.
    func eachUnsupported(_ visit: (apus_str) -> Void) {
        let supported = state.pointee.settings.supported
        message.eachHeader("Proxy-Require") { header in
            var rest = header.value
            while let option = rest.next(UInt8(ascii: ",")) {
                let tag = option.trimmed
                if !tag.isEmpty, !supported.lists(tag) { visit(tag) }
            }
            return true
        }
    }
}

extension apus_str {
    /// Whether it is one of these words with commas between them.
    fileprivate func lists(_ word: apus_str) -> Bool {
        var rest = self
        while let one = rest.next(UInt8(ascii: ",")) {
            if one.trimmed.equalsIgnoringCase(word) { return true }
        }
        return false
    }
}

extension Message {
    /// The addresses of all headers of that name, while `visit` is true; nil for what is none. Whether it was for all.
    @discardableResult
    func eachAddress(_ name: apus_str, _ visit: (apus_name_addr?) -> Bool) -> Bool {
        eachValue(name) { visit(parse(nameAddr: $0)) }
    }

    fileprivate var schemeFault: Fault? {
        guard let uri = parse(uri: field(APUS_FIELD_REQUEST_URI)) else { return .requestURI }
        return uri.scheme == 0 ? .unsupportedScheme : nil
    }

    /// RFC 3261 section 8.1.1.5: less than 2^31.
    fileprivate var hasLargeCSeq: Bool {
        guard let number = field(APUS_FIELD_CSEQ_NUMBER).number else { return true }
        return number > Int64(Int32.max)
    }

    /// RFC 3261 section 20.19: seconds, less than 2^32.
    fileprivate var expiresFault: Fault? {
        var fault: Fault?
        eachHeader("Expires") { header in
            if header.value.isEmpty {
                fault = .expiresHeader
            } else if header.value[0] &- 0x30 > 9 || header.value.number ?? .max > Int64(UInt32.max) {
                fault = .expiresValue
            }
            return fault == nil
        }
        return fault
    }

    /// The URIs that `which` names can be read.
    fileprivate func uriFault(_ which: Int64) -> Fault? {
        if which & 1 != 0, isRequest, parse(uri: field(APUS_FIELD_REQUEST_URI)) == nil { return .requestURI }
        if which & 2 != 0, parse(uri: field(APUS_FIELD_FROM_URI)) == nil { return .from }
        if which & 4 != 0, parse(uri: field(APUS_FIELD_TO_URI)) == nil { return .to }
        guard which & 8 != 0 else { return nil }
        var fault: Fault?
        eachAddress("Contact") { contact in
            if let contact {
                if !contact.uri.equals("*"), parse(uri: contact.uri) == nil { fault = .contactURI }
            } else {
                fault = .contactHeader
            }
            return fault == nil
        }
        return fault
    }

    /// RFC 3261: branches begin with the magic cookie (section 8.1.1.7), and proxies are loose routers (section 16.12).
    fileprivate var breaksRules: Bool {
        guard let via = via(0), via.branch.hasPrefix("z9hG4bK") else { return true }
        return !areLoose("Route") || !areLoose("Record-Route")
    }

    private func areLoose(_ name: apus_str) -> Bool {
        eachAddress(name) { route in
            guard let route, let uri = parse(uri: route.uri) else { return false }
            return !uri.lr.isNull
        }
    }

    /// A header From or To has several tags.
    fileprivate var tagsFault: Fault? {
        if tags(of: "From") > 1 { return .fromTags }
        return tags(of: "To") > 1 ? .toTags : nil
    }

    private func tags(of name: apus_str) -> Int {
        guard var rest = find(name)?.value else { return 0 }
        var number = 0
        // The first is the address itself.
        _ = rest.nextElement(UInt8(ascii: ";"))
        while var parameter = rest.nextElement(UInt8(ascii: ";")) {
            if let key = parameter.next(UInt8(ascii: "=")), key.trimmed.equalsIgnoringCase("tag") { number += 1 }
        }
        return number
    }
}

import PluginAPI

/// `{nameaddr.…}`, `{tobody.…}`: values of From and its kin. What is none fails; an absent part is "".
extension Transformations {
    static func declareAddresses(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("nameaddr.name") { $0.onAddress($1, $2) { $0.give($1.displayName) } }
        try declare.operation("nameaddr.uri") { $0.onAddress($1, $2) { $0.give($1.uri) } }
        try declare.operation("nameaddr.len") {
            $0.onAddress($1, $2) { call, address in
                // Up to the closing bracket, parameters not counted.
                call.give(address.uri.end - address.text.start + (address.isBracketed ? 1 : 0))
            }
        }
        try declare.operation("tobody.uri") { $0.onAddress($1, $2) { $0.give($1.uri) } }
        try declare.operation("tobody.display") { $0.onAddress($1, $2) { $0.give($1.displayName) } }
        try declare.operation("tobody.tag") { $0.onAddress($1, $2) { $0.give($1.tag ?? .empty) } }
        try declare.operation("tobody.user") {
            $0.onAddress($1, $2) { call, address in
                guard let uri = URI.parse(address.uri) else { return -1 }
                return call.give(uri.user)
            }
        }
        try declare.operation("tobody.host") {
            $0.onAddress($1, $2) { call, address in
                guard let uri = URI.parse(address.uri) else { return -1 }
                return call.give(uri.host)
            }
        }
        try declare.operation("tobody.params") {
            $0.onAddress($1, $2) { call, address in
                call.give(address.params.isEmpty ? .empty : address.params.dropFirst(1))
            }
        }
    }
}

extension UnsafePointer<apus_access> {
    fileprivate func onAddress(
        _ step: UnsafeRawPointer, _ value: UnsafeMutablePointer<apus_value>,
        _ body: (TransformationCall, NameAddr) -> CInt
    ) -> CInt {
        guard let text = text(of: value) else { return -1 }
        var index = 0
        guard let address = NameAddr.parse(text, from: &index) else {
            run.logAtStatement(.error, "not an address: ", text)
            return -1
        }
        return body(TransformationCall(self, step, value), address)
    }
}

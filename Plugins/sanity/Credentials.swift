import PluginKit
import RoutingKit

extension Message {
    /// Some credentials of the request are no digest, or an incomplete one (RFC 3261 section 22.4).
    var credentialsFault: Fault? { credentialsFault { _ in true } }

    /// The same, where other schemes than digest may stand.
    var digestsFault: Fault? { credentialsFault { $0.isDigest } }

    private func credentialsFault(where isWanted: (apus_str) -> Bool) -> Fault? {
        credentialsFault("Authorization", isWanted) ?? credentialsFault("Proxy-Authorization", isWanted)
    }

    private func credentialsFault(_ name: apus_str, _ isWanted: (apus_str) -> Bool) -> Fault? {
        var fault: Fault?
        eachHeader(name) { header in
            if isWanted(header.value) { fault = digestFault(header.value) }
            return fault == nil
        }
        return fault
    }

    private func digestFault(_ text: apus_str) -> Fault? {
        guard let digest = apus_credentials.filled({ api.pointee.parse_credentials(text, $0) }) else {
            return .authorizationHeader
        }
        guard digest.scheme.equalsIgnoringCase("Digest"), !digest.username.isNull, !digest.realm.isNull,
            !digest.nonce.isNull, !digest.uri.isNull, !digest.response.isNull,
            digest.qop.isNull || (!digest.nc.isNull && !digest.cnonce.isNull)
        else { return .credentials }
        if digest.username.isEmpty { return .emptyUser }
        if digest.nonce.isEmpty { return .emptyNonce }
        return digest.response.isEmpty ? .emptyResponse : nil
    }
}

import DigestKit
import PluginKit

/// What a user agent answers a challenge with: the hashes are those of the server, whose tests hold them against the RFCs' examples; the text is not.
struct Digest {
    var user = "alice"
    var password = "secret"
    var realm = "test"
    var nonce: String
    /// Nil: the form of RFC 2069.
    var qop: String? = "auth"
    var count = "00000001"
    var method = "OPTIONS"
    var uri = "sip:somewhere"
    /// Nil: not named, MD5.
    var algorithm: String?
    var body = ""
    var header = "Authorization"
    /// Parameters that are left out.
    var without: Set<String> = []
    /// Behind the parameters.
    var extra = ""

    init(_ nonce: String, _ change: (inout Digest) -> Void = { _ in }) {
        self.nonce = nonce
        change(&self)
    }

    /// As HA1 is kept.
    var ha1: String { (try? compute { _, ha1, _, _ in ha1 }) ?? "" }
    var response: String { (try? compute { hasher, ha1, kind, parts in hasher.text(kind, ha1, parts) }) ?? "" }
    /// What the server proves itself with.
    var proof: String {
        let answered = Digest(nonce) {
            $0 = self
            $0.method = ""
        }
        return answered.response
    }

    /// The header's line.
    var line: String {
        var pairs = [
            ("username", "\"\(user)\""), ("realm", "\"\(realm)\""), ("nonce", "\"\(nonce)\""), ("uri", "\"\(uri)\""),
            ("response", "\"\(response)\""),
        ]
        if let algorithm { pairs.append(("algorithm", algorithm)) }
        if let qop { pairs += [("qop", qop), ("nc", count), ("cnonce", "\"cn\"")] }
        let text = pairs.filter { !without.contains($0.0) }.map { "\($0.0)=\($0.1)" }.joined(separator: ", ")
        return "\(header): Digest \(text)\(extra)"
    }

    private func compute(
        _ body: (DigestHasher, String, DigestAlgorithm, DigestParts) -> String
    ) throws -> String {
        guard let hasher = DigestHasher() else { throw HarnessError("there are no hash functions") }
        return with(user, realm, password) { user, realm, password in
            with(nonce, algorithm ?? "MD5", self.body) { nonce, name, content in
                with(method, uri, count) { method, uri, count in
                    with(qop ?? "", "", "") { qop, _, _ in
                        let kind = CredentialsAlgorithm(name)
                        let algorithm = kind?.algorithm ?? .md5
                        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: longestDigest)
                        defer { place.deallocate() }
                        hasher.ha1(algorithm, user: user, realm: realm, password: password, into: place)
                        if kind?.isSession == true {
                            hasher.sessionHA1(algorithm, nonce: nonce, clientNonce: "cn", inPlace: place)
                        }
                        var parts = DigestParts(nonce: nonce, method: method, uri: uri)
                        parts.qop = qop
                        parts.nonceCount = count
                        parts.clientNonce = "cn"
                        parts.body = content
                        return body(hasher, apus_str(start: place, count: algorithm.digits).string, algorithm, parts)
                    }
                }
            }
        }
    }

    private func with<R>(
        _ a: String, _ b: String, _ c: String, _ body: (apus_str, apus_str, apus_str) -> R
    ) -> R {
        let all = [Array(a.utf8), Array(b.utf8), Array(c.utf8)]
        return all[0].withUnsafeBufferPointer { x in
            all[1].withUnsafeBufferPointer { y in
                all[2].withUnsafeBufferPointer { z in
                    body(
                        apus_str(start: x.baseAddress, count: x.count), apus_str(start: y.baseAddress, count: y.count),
                        apus_str(start: z.baseAddress, count: z.count))
                }
            }
        }
    }
}

extension DigestHasher {
    fileprivate func text(_ algorithm: DigestAlgorithm, _ ha1: String, _ parts: DigestParts) -> String {
        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: longestDigest)
        defer { place.deallocate() }
        var ha1 = ha1
        ha1.withUTF8 {
            response(algorithm, ha1: apus_str(start: $0.baseAddress, count: $0.count), parts, into: place)
        }
        return apus_str(start: place, count: algorithm.digits).string
    }
}

extension SIPText {
    /// The value of a parameter of its first challenge, without quotes; nil when it has none.
    func challenge(_ name: String, _ header: String = "WWW-Authenticate") -> String? {
        self.header(header).flatMap { SIPText.parameter(name, in: $0) }
    }

    static func parameter(_ name: String, in text: String) -> String? {
        for part in text.drop(while: { $0 != " " }).split(separator: ", ") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0] == name { return String(pair[1]).replacing("\"", with: "") }
        }
        return nil
    }
}

import DigestKit
import PluginKit
import Testing

/// The examples of the RFCs, and what keeps a nonce from being used otherwise than it was meant.
@Suite struct DigestTests {
    private func withText<R>(_ text: String, _ body: (apus_str) -> R) -> R {
        var text = text
        return text.withUTF8 { body(apus_str(start: $0.baseAddress, count: $0.count)) }
    }

    /// HA1 and response of Mufasa, who has the same password in both RFCs.
    private func response(
        _ algorithm: DigestAlgorithm, realm: String, password: String, nonce: String, qop: String, cnonce: String,
        isSession: Bool = false, body: String = ""
    ) throws -> String {
        let hasher = try #require(DigestHasher())
        let ha1 = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * longestDigest)
        defer { ha1.deallocate() }
        let out = ha1 + longestDigest
        withText(realm) { realm in
            withText(password) { hasher.ha1(algorithm, user: "Mufasa", realm: realm, password: $0, into: ha1) }
        }
        withText(nonce) { nonce in
            withText(cnonce) { cnonce in
                withText(qop) { qop in
                    withText(body) { body in
                        if isSession { hasher.sessionHA1(algorithm, nonce: nonce, clientNonce: cnonce, inPlace: ha1) }
                        var parts = DigestParts(nonce: nonce, method: "GET", uri: "/dir/index.html")
                        parts.qop = qop
                        parts.clientNonce = cnonce
                        parts.nonceCount = "00000001"
                        parts.body = body
                        hasher.response(
                            algorithm, ha1: apus_str(start: ha1, count: algorithm.digits), parts, into: out)
                    }
                }
            }
        }
        return apus_str(start: out, count: algorithm.digits).string
    }

    @Test func rfc2617() throws {
        let response = try response(
            .md5, realm: "testrealm@host.com", password: "Circle Of Life", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: "auth", cnonce: "0a4f113b")
        #expect(response == "6629fae49393a05397450978507c4ef1")
    }

    /// RFC 2069 section 2.4 as its erratum 749 corrects it: no qop.
    @Test func rfc2069() throws {
        let response = try response(
            .md5, realm: "testrealm@host.com", password: "CircleOfLife", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: "", cnonce: "")
        #expect(response == "1949323746fe6a43ef61f9606e7febea")
    }

    @Test(arguments: [
        (DigestAlgorithm.md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (.sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ])
    func rfc7616(algorithm: DigestAlgorithm, expected: String) throws {
        let response = try response(
            algorithm, realm: "http-auth@example.org", password: "Circle of Life",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", qop: "auth",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
        #expect(response == expected)
    }

    /// SHA2-512/256 of "abc" (FIPS 180-4) and SHA-512's: the right function stands behind each name.
    @Test func namesOfAlgorithms() throws {
        let hasher = try #require(DigestHasher())
        let out = UnsafeMutablePointer<UInt8>.allocate(capacity: longestDigest)
        defer { out.deallocate() }
        let expected: [(apus_str, String)] = [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("SHA-512-256", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
            (
                "SHA-512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ),
        ]
        for (name, digest) in expected {
            let algorithm = try #require(DigestAlgorithm(name))
            hasher.hexHash(algorithm, into: out) { $0.add("abc") }
            #expect(apus_str(start: out, count: algorithm.digits).string == digest)
        }
        #expect(DigestAlgorithm("SHA-1") == nil)
        let session = try #require(CredentialsAlgorithm("md5-SESS"))
        #expect(session.algorithm == .md5 && session.isSession)
        #expect(CredentialsAlgorithm("-sess") == nil && CredentialsAlgorithm("foo") == nil)
        #expect(CredentialsAlgorithm(apus_str())?.algorithm == .md5)
    }

    /// Computed with Python's hashlib.
    @Test func sessionsAndIntegrity() throws {
        let session = try response(
            .md5, realm: "r", password: "p", nonce: "n", qop: "auth", cnonce: "c", isSession: true)
        #expect(session == "b7d3aedaa7e5fc933d4166d0246eeccf")
        let integrity = try response(
            .sha256, realm: "r", password: "p", nonce: "n", qop: "auth-int", cnonce: "c", body: "v=0\r\n")
        #expect(integrity == "0b308a98e0484b5b065c8ef45fbdb56bbba1c3098260d73b3531e58b6d083cdd")
    }

    /// RFC 4231 section 4.3 and 4.7: a short key, and one longer than a block.
    @Test func hmac() throws {
        let hasher = try #require(DigestHasher())
        let out = UnsafeMutablePointer<UInt8>.allocate(capacity: NonceKey.size)
        defer { out.deallocate() }
        func hex() -> String {
            (0..<NonceKey.size).map { ["0", ""][out[$0] > 15 ? 1 : 0] + String(out[$0], radix: 16) }.joined()
        }
        NonceKey("Jefe", hasher).code(hasher, into: out) { $0.add("what do ya want for nothing?") }
        #expect(hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = [UInt8](repeating: 0xaa, count: 131)
        long.withUnsafeBufferPointer { bytes in
            NonceKey(apus_str(start: bytes.baseAddress, count: bytes.count), hasher).code(hasher, into: out) {
                $0.add("Test Using Larger Than Block-Size Key - Hash Key First")
            }
        }
        #expect(hex() == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func textsAreComparedWhole() {
        #expect(apus_str("abc").equalsInConstantTime("abc") && apus_str("").equalsInConstantTime(""))
        #expect(!apus_str("abc").equalsInConstantTime("abd") && !apus_str("abc").equalsInConstantTime("ab"))
    }
}

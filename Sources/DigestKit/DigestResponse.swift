import PluginKit

// Invariants: outputs have room for the digits of the algorithm, at most 128; texts are only read.

/// Bytes of the longest hexadecimal hash.
public let longestDigest = 128

/// What a response is made of beside HA1 (RFC 7616 section 3.4.1).
public struct DigestParts {
    public var nonce: apus_str
    /// Empty: no qop, the form of RFC 2069.
    public var qop = apus_str()
    public var nonceCount = apus_str()
    public var clientNonce = apus_str()
    public var method: apus_str
    public var uri: apus_str
    /// Hashed for qop auth-int only.
    public var body = apus_str()

    public init(nonce: apus_str, method: apus_str, uri: apus_str) {
        (self.nonce, self.method, self.uri) = (nonce, method, uri)
    }

    public var hasIntegrity: Bool { qop.equalsIgnoringCase("auth-int") }
}

extension DigestHasher {
    /// HA1 = H(user:realm:password)
    public func ha1(
        _ algorithm: DigestAlgorithm, user: apus_str, realm: apus_str, password: apus_str,
        into out: UnsafeMutablePointer<UInt8>
    ) {
        hexHash(algorithm, into: out) { input in
            input.add(user)
            input.add(":")
            input.add(realm)
            input.add(":")
            input.add(password)
        }
    }

    /// HA1 of a `-sess` algorithm, from the plain one, which it replaces: H(HA1:nonce:cnonce)
    public func sessionHA1(
        _ algorithm: DigestAlgorithm, nonce: apus_str, clientNonce: apus_str, inPlace ha1: UnsafeMutablePointer<UInt8>
    ) {
        let plain = apus_str(start: ha1, count: algorithm.digits)
        hexHash(algorithm, into: ha1) { input in
            input.add(plain)
            input.add(":")
            input.add(nonce)
            input.add(":")
            input.add(clientNonce)
        }
    }

    /// H(HA1:nonce:HA2) or H(HA1:nonce:nc:cnonce:qop:HA2), with HA2 = H(method:uri) or H(method:uri:H(body)).
    public func response(
        _ algorithm: DigestAlgorithm, ha1: apus_str, _ parts: DigestParts, into out: UnsafeMutablePointer<UInt8>
    ) {
        let digits = algorithm.digits
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * longestDigest) { memory in
            let bodyHash = memory.baseAddress.unsafelyUnwrapped
            let ha2 = bodyHash + longestDigest
            if parts.hasIntegrity { hexHash(algorithm, into: bodyHash) { $0.add(parts.body) } }
            hexHash(algorithm, into: ha2) { input in
                input.add(parts.method)
                input.add(":")
                input.add(parts.uri)
                if parts.hasIntegrity {
                    input.add(":")
                    input.add(apus_str(start: bodyHash, count: digits))
                }
            }
            hexHash(algorithm, into: out) { input in
                input.add(ha1)
                input.add(":")
                input.add(parts.nonce)
                input.add(":")
                if !parts.qop.isEmpty {
                    input.add(parts.nonceCount)
                    input.add(":")
                    input.add(parts.clientNonce)
                    input.add(":")
                    input.add(parts.qop)
                    input.add(":")
                }
                input.add(apus_str(start: ha2, count: digits))
            }
        }
    }
}

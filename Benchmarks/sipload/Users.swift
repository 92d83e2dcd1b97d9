import DigestKit
import PluginKit

/// Those whom REGISTER requests and lookups are about: user n is called n, in eight hexadecimal digits, and has the password `secret`.
///
/// Invariants: `responses` is nil or holds `count` responses of `Hole.response.width` bytes; it lives as long as the program.
struct Users {
    let count: Int
    private let responses: UnsafeMutablePointer<UInt8>?

    /// - Parameters:
    ///   - challenge: nil: nobody is asked for credentials.
    ///   - uri: of the Request-URI.
    init(_ count: Int, _ challenge: Challenge?, uri: String) throws {
        self.count = count
        guard let challenge else {
            responses = nil
            return
        }
        guard let hasher = DigestHasher() else { throw UsageError("OpenSSL does not offer what digests need") }
        let width = Hole.response.width
        let responses = UnsafeMutablePointer<UInt8>.allocate(capacity: count * width)
        let name = UnsafeMutablePointer<UInt8>.allocate(capacity: Hole.user.width)
        let digests = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * longestDigest)
        defer {
            name.deallocate()
            digests.deallocate()
        }
        let realm = Users.kept(challenge.realm)
        let parts = DigestParts(nonce: Users.kept(challenge.nonce), method: "REGISTER", uri: Users.kept(uri))
        for user in 0..<count {
            writeHex(UInt32(user), to: name)
            hasher.ha1(
                .md5, user: apus_str(start: name, count: Hole.user.width), realm: realm, password: "secret",
                into: digests)
            hasher.response(
                .md5, ha1: apus_str(start: digests, count: width), parts, into: digests + longestDigest)
            (responses + user * width).update(from: digests + longestDigest, count: width)
        }
        self.responses = responses
    }

    func writeResponse(of user: Int, to place: UnsafeMutablePointer<UInt8>) {
        guard let responses else { return }
        place.update(from: responses + user * Hole.response.width, count: Hole.response.width)
    }

    /// A copy for good.
    private static func kept(_ text: String) -> apus_str {
        let bytes = Array(text.utf8)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        memory.update(from: bytes, count: bytes.count)
        return apus_str(start: memory, count: bytes.count)
    }
}

import COpenSSL

/// What is stored instead of a password: the hashes that digest authentication begins with (RFC 2617 section 3.2.2.2).
struct Digests {
    /// Of `user:realm:password`.
    let ha1: String
    /// Of `user@realm:realm:password`, for phones that write the domain into the user name.
    let ha1b: String

    init(_ account: Account, password: String) throws(Failure) {
        ha1 = try Digests.md5("\(account.user):\(account.domain):\(password)")
        ha1b = try Digests.md5("\(account.user)@\(account.domain):\(account.domain):\(password)")
    }

    /// In lower-case hexadecimal digits.
    static func md5(_ text: String) throws(Failure) -> String {
        var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let bytes = Array(text.utf8)
        guard EVP_Digest(bytes, bytes.count, &hash, &count, EVP_md5(), nil) == 1 else {
            throw .refused("OpenSSL does not offer MD5 here")
        }
        return hash.prefix(Int(count)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

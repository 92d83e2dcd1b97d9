import PluginKit

extension apus_credentials: Sized {}

extension apus_str {
    /// As the value of Authorization and its kin: of the scheme Digest.
    public var isDigest: Bool {
        var rest = self
        return rest.next(UInt8(ascii: " "))?.equalsIgnoringCase("Digest") ?? false
    }
}

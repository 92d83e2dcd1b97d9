import PluginKit

// Invariants: the table is its worker's; it is made before the worker takes traffic, and never freed.

/// Sources whose credentials name another URI than the Request-URI, as gateways' do that rewrite one of them: each is told once, roughly.
struct OtherURIs {
    private static let size = 512

    private let seen: UnsafeMutablePointer<UInt32>

    init() {
        seen = .allocate(capacity: OtherURIs.size)
        seen.initialize(repeating: 0, count: OtherURIs.size)
    }

    /// Whether the source was not noted yet; it is now. One of the same place in the table is forgotten for it.
    private func note(_ hash: UInt32) -> Bool {
        let place = seen + Int(hash) % OtherURIs.size
        guard place.pointee != hash else { return false }
        place.pointee = hash
        return true
    }

    /// A request whose credentials are right.
    func look(_ host: Host, _ message: Message, _ uri: apus_str) {
        let target = message.field(APUS_FIELD_ORIGINAL_URI)
        guard !uri.equals(target), host.pointee.log.pointee.enabled(host, LogLevel.info.rawValue) > 0 else { return }
        let source = message.field(APUS_FIELD_SOURCE_IP)
        guard note(message.api.pointee.hash(source, "") | 1) else { return }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { memory in
            var line = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
            line.add("credentials from ")
            line.add(source)
            line.add(" are for ")
            line.add(uri[0..<min(uri.len, 160)])
            line.add(", the request for ")
            line.add(target[0..<min(target.len, 160)])
            host.pointee.log.pointee.write(host, LogLevel.info.rawValue, line.text)
        }
    }
}

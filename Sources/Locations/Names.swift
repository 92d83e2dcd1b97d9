import Glibc
import PluginKit
import RoutingKit

// Invariants: entries and their texts live as long as the process. An entry is written before its number is given away, under the mutex, and never again; whoever has a
// number got it from there, or from a contact under a lock, so that reading needs none.

/// Texts that many contacts have in common, sockets and User-Agents, kept once. It takes a bounded number of them; what comes then is kept with the contact.
public struct Names: @unchecked Sendable {
    struct Name {
        let text: apus_str
        let listener: OpaquePointer?
    }

    private struct Guarded {
        var mutex = pthread_mutex_t()
        var count = 1
    }

    private static let capacity = 2048
    private let entries: UnsafeMutablePointer<Name>
    /// Numbers of entries by hash, open addressing; 0: free. Twice as many as entries.
    private let index: UnsafeMutablePointer<UInt16>
    private let guarded: UnsafeMutablePointer<Guarded>
    private let hash = KeyedHash()
    private let context: UnsafeRawPointer?
    private let resolve: Resolve
    private let describe: Describe

    /// The listener that a socket's text names. Plain functions, so that a table is plain data.
    public typealias Resolve = @convention(c) (UnsafeRawPointer?, apus_str) -> OpaquePointer?
    /// The text that names a listener.
    public typealias Describe = @convention(c) (UnsafeRawPointer?, OpaquePointer) -> apus_str

    /// - Parameter context: what the functions are given.
    public init(_ context: UnsafeRawPointer?, resolve: @escaping Resolve, describe: @escaping Describe) {
        self.context = context
        self.resolve = resolve
        self.describe = describe
        entries = .allocate(capacity: Names.capacity)
        entries.initialize(to: Name(text: "", listener: nil))
        index = .allocate(capacity: Names.capacity * 2)
        index.initialize(repeating: 0, count: Names.capacity * 2)
        guarded = permanent(Guarded())
        pthread_mutex_init(mutex, nil)
    }

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        UnsafeMutableRawPointer(guarded).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    subscript(_ number: UInt16) -> Name { entries[Int(number)] }

    /// What a contact says of its socket, one way or the other.
    func socket(_ contact: usrloc_contact) -> apus_str {
        guard contact.socket.isEmpty, let listener = contact.listener else { return contact.socket }
        return describe(context, listener)
    }

    /// The number of a text, which is new perhaps; 0 when it is empty or there are too many.
    func number(_ text: apus_str, isSocket: Bool) -> UInt16 {
        guard text.len > 0, let bytes = text.s else { return 0 }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let mask = Names.capacity * 2 - 1
        var place = Int(truncatingIfNeeded: hash(text)) & mask
        while index[place] != 0 {
            if entries[Int(index[place])].text.equals(text) { return index[place] }
            place = (place &+ 1) & mask
        }
        // The last quarter is for sockets: those are few, and looked up.
        let count = guarded.pointee.count
        guard count < (isSocket ? Names.capacity : Names.capacity * 3 / 4), let copy = malloc(text.len) else {
            return 0
        }
        copy.copyMemory(from: bytes, byteCount: text.len)
        let kept = apus_str(s: UnsafePointer(copy.assumingMemoryBound(to: CChar.self)), len: text.len)
        (entries + count).initialize(to: Name(text: kept, listener: isSocket ? resolve(context, kept) : nil))
        index[place] = UInt16(count)
        guarded.pointee.count = count + 1
        return UInt16(count)
    }
}

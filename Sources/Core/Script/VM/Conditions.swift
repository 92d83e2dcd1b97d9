import PluginAPI

// Invariants: `data` of a condition is what the compiler put there for its evaluator: `Nets`, a compiled regex, or nothing. Texts
// looked at are the message's, constants, or lie on this stack.

/// What the condition words compare. Each evaluator takes the run, the condition and the value of the right side.
enum Conditions {
    enum Relation {
        static let equal: UInt8 = 0
        static let notEqual: UInt8 = 1
        static let matches: UInt8 = 2
        static let less: UInt8 = 3
        static let greater: UInt8 = 4
        static let lessOrEqual: UInt8 = 5
        static let greaterOrEqual: UInt8 = 6
        static let matchesNot: UInt8 = 7
    }

    typealias Value = UnsafePointer<apus_value>

    static let never: CompiledCondition.Evaluate = { _, _, _ in false }

    // MARK: Texts

    static let method: CompiledCondition.Evaluate = { run, condition, value in
        let message = message(run)
        return compare(message.isRequest ? message.methodText : message.cseqMethodText, run, condition, value)
    }

    /// The second word of the first line: the Request-URI in force, or the status.
    static let uri: CompiledCondition.Evaluate = { run, condition, value in
        let message = message(run)
        if message.isRequest { return compare(message.requestURIText, run, condition, value) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { buffer in
            guard let start = buffer.baseAddress else { return false }
            var writer = ByteWriter(start, capacity: 8)
            writer.write(decimal: UInt64(message.statusCode))
            return compare(writer.bytes, run, condition, value)
        }
    }

    static let fromURI: CompiledCondition.Evaluate = { run, condition, value in
        guard let from = message(run).from else { return false }
        return compare(from.uri, run, condition, value)
    }

    static let toURI: CompiledCondition.Evaluate = { run, condition, value in
        guard let to = message(run).to else { return false }
        return compare(to.uri, run, condition, value)
    }

    static let transportText: CompiledCondition.Evaluate = { run, condition, value in
        compare(Bytes(TransportNames.name(of: transport(run, condition))), run, condition, value)
    }

    static let addressText: CompiledCondition.Evaluate = { run, condition, value in
        address(run, condition).map { compare($0, run, condition, value) } ?? false
    }

    private static func compare(
        _ address: SocketAddress, _ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer, _ value: Value
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: SocketAddress.longestText) { buffer in
            guard let start = buffer.baseAddress else { return false }
            let count = address.writeAddress(to: start, brackets: false)
            return compare(Bytes(UnsafePointer(start), count), run, condition, value)
        }
    }

    /// Case does not count in these comparisons.
    private static func compare(
        _ subject: Bytes, _ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer, _ value: Value
    ) -> Bool {
        let condition = condition.assumingMemoryBound(to: CompiledCondition.self)
        let run = run.assumingMemoryBound(to: Run.self)
        let relation = condition.pointee.relation
        if relation == Relation.matches || relation == Relation.matchesNot {
            return matches(subject, run, condition, value) == (relation == Relation.matches)
        }
        guard let text = run.text(of: value.pointee) else { return false }
        return subject.equalsIgnoringCase(text.bytes) == (relation == Relation.equal)
    }

    private static func matches(
        _ subject: Bytes, _ run: UnsafeMutablePointer<Run>, _ condition: UnsafePointer<CompiledCondition>,
        _ value: Value
    ) -> Bool {
        if let constant = condition.pointee.data {
            return CompiledRegex(handle: OpaquePointer(constant)).matches(subject)
        }
        guard let pattern = run.text(of: value.pointee), let regex = CompiledRegex(now: pattern.bytes, .dotAll) else {
            run.logAtStatement(.error, "not a regular expression: ", value.pointee.str.bytes)
            return false
        }
        defer { regex.free() }
        return regex.matches(subject)
    }

    // MARK: Numbers

    static let port: CompiledCondition.Evaluate = { run, condition, value in
        address(run, condition).map { relate(Int64($0.port), condition, value) } ?? false
    }

    /// While something is being sent, its size.
    static let messageLength: CompiledCondition.Evaluate = { run, condition, value in
        let sending = run.assumingMemoryBound(to: Run.self).pointee.sending
        return relate(Int64(sending?.pointee.bytes.count ?? message(run).received.count), condition, value)
    }

    static let addressFamily: CompiledCondition.Evaluate = { run, condition, value in
        address(run, condition).map { relate(Int64($0.family), condition, value) } ?? false
    }

    static let transport: CompiledCondition.Evaluate = { run, condition, value in
        relate(Int64(transport(run, condition)), condition, value)
    }

    private static func relate(_ number: Int64, _ condition: UnsafeRawPointer, _ value: Value) -> Bool {
        let right = value.pointee.int
        return switch condition.assumingMemoryBound(to: CompiledCondition.self).pointee.relation {
        case Relation.equal: number == right
        case Relation.notEqual: number != right
        case Relation.less: number < right
        case Relation.greater: number > right
        case Relation.lessOrEqual: number <= right
        default: number >= right
        }
    }

    // MARK: Addresses

    static let isInNets: CompiledCondition.Evaluate = { run, condition, _ in
        address(run, condition).map { isInNets($0, condition) } ?? false
    }

    private static func isInNets(_ address: SocketAddress, _ condition: UnsafeRawPointer) -> Bool {
        let condition = condition.assumingMemoryBound(to: CompiledCondition.self)
        guard let nets = condition.pointee.data?.assumingMemoryBound(to: Nets.self) else { return false }
        return isIn(nets, address, condition)
    }

    /// The same with the addresses that a name has now.
    static let isOfHost: CompiledCondition.Evaluate = { run, condition, _ in
        let compiled = condition.assumingMemoryBound(to: CompiledCondition.self)
        guard let address = address(run, condition),
            let names = compiled.pointee.data?.assumingMemoryBound(to: HostNames.Entry.self)
        else { return false }
        return isIn(names.pointee.current, address, compiled)
    }

    private static func isIn(
        _ nets: UnsafePointer<Nets>, _ address: SocketAddress, _ condition: UnsafePointer<CompiledCondition>
    ) -> Bool {
        var found = false
        for index in 0..<nets.pointee.count where nets.pointee.start[index].contains(address) { found = true }
        return found == (condition.pointee.relation == Relation.equal)
    }

    /// A list of nets in the program's memory.
    struct Nets {
        let start: UnsafePointer<Net>
        let count: Int
    }

    /// An address with a mask.
    struct Net: Sendable {
        let address: SocketAddress
        let mask: SocketAddress

        /// One address.
        init(_ address: SocketAddress) {
            self.address = address
            mask = Net.mask(bits: address.isV4 ? 32 : 128, isV4: address.isV4)
        }

        /// `address`, `address/bits`, `address/mask`; nil when it is none of them.
        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
            guard let first = parts.first, let address = SocketAddress(first) else { return nil }
            self.address = address
            let width = address.isV4 ? 32 : 128
            guard parts.count > 1 else {
                mask = Net.mask(bits: width, isV4: address.isV4)
                return
            }
            if let bits = Int(parts[1]) {
                guard (0...width).contains(bits) else { return nil }
                mask = Net.mask(bits: bits, isV4: address.isV4)
            } else {
                guard let given = SocketAddress(parts[1]), given.isV4 == address.isV4 else { return nil }
                mask = given
            }
        }

        /// Several, with blanks or commas between them; what is none is left out.
        static func list(_ text: String) -> [Net] {
            text.split { $0 == " " || $0 == "," }.compactMap { Net(String($0)) }
        }

        func contains(_ other: SocketAddress) -> Bool {
            guard other.family == address.family else { return false }
            if address.isV4 { return (other.word0 ^ address.word0) & mask.word0 == 0 }
            return (other.word1 ^ address.word1) & mask.word1 == 0 && (other.word2 ^ address.word2) & mask.word2 == 0
                && (other.word3 ^ address.word3) & mask.word3 == 0 && (other.word4 ^ address.word4) & mask.word4 == 0
        }

        private static func mask(bits: Int, isV4: Bool) -> SocketAddress {
            func word(_ place: Int) -> UInt32 {
                let count = min(32, max(0, bits - 32 * place))
                return count == 0 ? 0 : (UInt32.max << UInt32(32 - count)).bigEndian
            }
            var mask = SocketAddress()
            mask.family = isV4 ? 2 : 10
            if isV4 {
                mask.word0 = word(0)
            } else {
                (mask.word1, mask.word2, mask.word3, mask.word4) = (word(0), word(1), word(2), word(3))
            }
            return mask
        }
    }

    // MARK: myself

    static let uriIsMyself: CompiledCondition.Evaluate = { run, condition, _ in
        let message = message(run)
        guard message.isRequest, let uri = message.requestURI?.pointee else { return false }
        return isMyself(uri, run, condition)
    }

    static let fromURIIsMyself: CompiledCondition.Evaluate = { run, condition, _ in
        guard let uri = message(run).fromURI?.pointee else { return false }
        return isMyself(uri, run, condition)
    }

    static let toURIIsMyself: CompiledCondition.Evaluate = { run, condition, _ in
        guard let uri = message(run).toURI?.pointee else { return false }
        return isMyself(uri, run, condition)
    }

    static let addressIsMyself: CompiledCondition.Evaluate = { run, condition, _ in
        address(run, condition).map { addressIsMyself($0, run, condition) } ?? false
    }

    private static func isMyself(
        _ uri: URI, _ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer
    ) -> Bool {
        let port = uri.port != 0 ? uri.port : uri.isSecure ? 5061 : 5060
        return ask(apus_str(uri.host), port, run, condition)
    }

    private static func addressIsMyself(
        _ address: SocketAddress, _ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: SocketAddress.longestText) { buffer in
            guard let start = buffer.baseAddress else { return false }
            let count = address.writeAddress(to: start, brackets: true)
            return ask(apus_str(Bytes(UnsafePointer(start), count)), 0, run, condition)
        }
    }

    private static func ask(
        _ host: apus_str, _ port: UInt16, _ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer
    ) -> Bool {
        let image = run.assumingMemoryBound(to: Run.self).pointee.image
        let wanted = condition.assumingMemoryBound(to: CompiledCondition.self).pointee.relation != Relation.notEqual
        return image.pointee.isMyself(host, port) == wanted
    }

    // MARK: The message

    @inline(__always)
    private static func message(_ run: UnsafeMutableRawPointer) -> Message {
        run.assumingMemoryBound(to: Run.self).pointee.message
    }

    /// Whose address is looked at.
    enum End: UInt8 {
        /// `src_…`: where the message came from. Also for words without an address.
        case source
        /// `dst_…`: the address of ours that it came to.
        case destination
        /// `snd_…`: the address of ours that it leaves by.
        case sentFrom
        /// `to_…`: where it goes.
        case sentTo
    }

    /// Nil where nothing is being sent.
    private static func address(_ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer) -> SocketAddress? {
        let sending = run.assumingMemoryBound(to: Run.self).pointee.sending
        switch condition.assumingMemoryBound(to: CompiledCondition.self).pointee.end {
        case .source: return message(run).routing.source
        case .destination: return message(run).routing.destination
        case .sentFrom: return sending?.pointee.local
        case .sentTo: return sending?.pointee.remote
        }
    }

    /// APUS_UDP … of the listener that received the message, or of what is being sent; UDP for messages that nobody received.
    private static func transport(_ run: UnsafeMutableRawPointer, _ condition: UnsafeRawPointer) -> UInt32 {
        switch condition.assumingMemoryBound(to: CompiledCondition.self).pointee.end {
        case .sentFrom, .sentTo:
            return run.assumingMemoryBound(to: Run.self).pointee.sending?.pointee.transport ?? 0
        case .source, .destination: break
        }
        guard let listener = message(run).routing.receivedOn else { return UInt32(APUS_UDP) }
        var info = apus_listener_info()
        info.size = UInt32(MemoryLayout<apus_listener_info>.size)
        return ScriptEnvironment.current.listenerInfo(listener, &info) ? info.transport : UInt32(APUS_UDP)
    }
}

import DigestKit
import PluginKit
import Testing

@Suite struct NonceTests {
    private let hasher: DigestHasher
    private let key: NonceKey

    init() throws {
        hasher = try #require(DigestHasher())
        key = NonceKey("a secret of some length", hasher)
    }

    private func write(_ nonce: Nonce, for texts: Nonce.Surroundings = Nonce.Surroundings()) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Nonce.longest + 1)
        let count = bytes.withUnsafeMutableBufferPointer {
            nonce.write(key, hasher, for: texts, to: $0.baseAddress!)
        }
        return Array(bytes.prefix(count))
    }

    private func read(
        _ bytes: [UInt8], _ key: NonceKey? = nil, for texts: Nonce.Surroundings = Nonce.Surroundings()
    ) -> Nonce.Reading {
        bytes.withUnsafeBufferPointer {
            Nonce.read(
                apus_str(start: $0.baseAddress, count: $0.count), key ?? self.key, hasher, for: texts)
        }
    }

    private var sample: Nonce {
        var nonce = Nonce()
        (nonce.algorithms, nonce.issued, nonce.expires, nonce.number) = (3, 1_700_000_000, 1_700_000_300, 1 << 40 | 7)
        return nonce
    }

    @Test func comesBackAsItWas() throws {
        let text = write(sample)
        #expect(text.count == 48)
        guard case .ours(let nonce) = read(text) else {
            Issue.record("it is not ours")
            return
        }
        #expect(nonce.algorithms == 3 && nonce.issued == 1_700_000_000 && nonce.expires == 1_700_000_300)
        #expect(nonce.number == 1 << 40 | 7 && nonce.checks == 0)
    }

    /// No character may be another, and nobody else has the key.
    @Test func nobodyElseMakesOne() {
        let text = write(sample)
        for index in text.indices {
            var other = text
            other[index] = other[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            guard case .foreign = read(other) else {
                Issue.record("character \(index) does not matter")
                return
            }
        }
        for wrong in [[], Array("x".utf8), Array(text.dropLast()), text + text, [UInt8](repeating: 0x20, count: 48)] {
            guard case .foreign = read(wrong) else {
                Issue.record("\(wrong) is ours")
                return
            }
        }
        guard case .foreign = read(text, NonceKey("another secret", hasher)) else {
            Issue.record("another key does as well")
            return
        }
    }

    @Test(arguments: [UInt8(1), 2, 4, 8, 15])
    func isBoundToItsMessage(checks: UInt8) {
        var texts = Nonce.Surroundings()
        (texts.uri, texts.callID, texts.fromTag, texts.source) = ("sip:a@b", "id", "tag", "127.0.0.1")
        var nonce = sample
        nonce.checks = checks
        let text = write(nonce, for: texts)
        #expect(text.count == 64)
        guard case .ours = read(text, for: texts) else {
            Issue.record("it is not of its own message")
            return
        }
        let others: [(UInt8, WritableKeyPath<Nonce.Surroundings, apus_str>)] = [
            (1, \.uri), (2, \.callID), (4, \.fromTag), (8, \.source),
        ]
        for (bit, path) in others {
            var changed = texts
            changed[keyPath: path] = "other"
            var isOurs = false
            if case .ours = read(text, for: changed) { isOurs = true }
            #expect(isOurs == (checks & bit == 0))
        }
    }

    @Test func timesOfUse() {
        let (issued, expires) = (Int64(sample.issued), Int64(sample.expires))
        #expect(sample.isInTime(issued, drift: 0) && sample.isInTime(expires - 1, drift: 0))
        #expect(!sample.isInTime(expires, drift: 3) && !sample.isInTime(issued - 4, drift: 3))
        #expect(sample.isInTime(issued - 3, drift: 3) && !sample.isInTime(issued - 1, drift: 0))
    }

    @Test func countsGrow() {
        let table = NonceTable(order: 2, instance: 5)
        let number = UInt64(5) << 32 | 9
        #expect(table.use(number, count: 1) == .unknown)
        table.begin(number)
        #expect(table.look(number, count: 1) == .good && table.use(number, count: 1) == .good)
        #expect(table.use(number, count: 1) == .reused && table.look(number, count: 1) == .reused)
        #expect(table.use(number, count: 7) == .good && table.use(number, count: 6) == .reused)
        #expect(table.use(number, count: .max) == .good && table.use(number, count: .max) == .reused)
        // Of another process, or from before a restart.
        #expect(table.use(UInt64(6) << 32 | 9, count: 8) == .unknown)
        // The fifth after it takes its place.
        table.begin(number + 4)
        #expect(table.use(number, count: 8) == .unknown && table.use(number + 4, count: 1) == .good)
    }

    /// However many threads try the same count, one gets it.
    @Test func oneOfManyWins() async {
        let table = NonceTable(order: 4, instance: 1)
        let numbers = NonceNumbers(instance: 1)
        for _ in 0..<50 {
            let number = numbers.take()
            table.begin(number)
            let wins = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { table.use(number, count: 1) == .good } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wins == 1)
        }
    }
}

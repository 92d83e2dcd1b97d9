/// Heap allocations and reference counting of a server that runs under Benchmarks/counter.c, read from the file that it maps.
struct MemoryCounters {
    var allocations: Int
    var retains: Int
    var releases: Int

    /// - Throws: when the file does not hold the counters.
    init(file: String) throws {
        guard let bytes = readBytes(file), bytes.count == 24 else { throw UsageError("\(file) does not hold counters") }
        func number(_ index: Int) -> Int {
            bytes[index * 8..<index * 8 + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        (allocations, retains, releases) = (number(0), number(1), number(2))
    }

    func since(_ before: MemoryCounters) -> MemoryCounters {
        var difference = self
        difference.allocations -= before.allocations
        difference.retains -= before.retains
        difference.releases -= before.releases
        return difference
    }
}

// Invariants: a DNSRecordList points into an entry of the cache and is used before the loop is reached again. Orders keep indices below
// DNSRecord.limit, 32, only.

/// The records of an SRV or NAPTR entry.
struct DNSRecordList {
    private let start: UnsafeRawPointer
    let count: Int

    init(_ entry: UnsafeMutablePointer<DNSEntry>) {
        count = entry.pointee.recordCount
        start = count > 0 ? entry.records : UnsafeRawPointer(entry)
    }

    /// Precondition: 0 <= index < count.
    subscript(_ index: Int) -> DNSRecord { start.assumingMemoryBound(to: DNSRecord.self)[index] }

    func name(_ record: DNSRecord) -> Bytes {
        Bytes((start + Int(record.nameOffset)).assumingMemoryBound(to: UInt8.self), Int(record.nameCount))
    }
}

/// The transports to ask SRV records for, by our preference.
struct TransportOrder {
    private var left: UInt8 = 0
    private let weights: [7 of Int32]

    init(_ question: LocationQuestion, _ preferences: ResolverOptions.Preferences) {
        weights = preferences.transports
        var transport = SIPService.udp
        while transport <= SIPService.sctp {
            let fits = !question.isSecure || SIPService.isSecure(transport)
            if fits, question.offered.has(transport), weights[Int(transport)] >= 0 { left |= 1 &<< transport }
            transport &+= 1
        }
    }

    mutating func next() -> UInt8? {
        var best: UInt8 = 0
        var transport: UInt8 = 1
        while transport < 7 {
            if left & 1 &<< transport != 0, best == 0 || weights[Int(transport)] > weights[Int(best)] {
                best = transport
            }
            transport &+= 1
        }
        left &= ~(1 &<< best)
        return best == 0 ? nil : best
    }
}

/// NAPTR records that we can follow, best first.
struct PointerOrder {
    private var indices: [32 of UInt8] = InlineArray(repeating: 0)
    private var count = 0
    private var at = 0

    init(
        _ records: DNSRecordList, _ question: LocationQuestion, _ preferences: ResolverOptions.Preferences
    ) {
        var i = 0
        while i < records.count {
            let transport = records[i].transport
            let fits = !question.isSecure || SIPService.isSecure(transport)
            if fits, question.offered.has(transport), preferences.transports[Int(transport)] >= 0 {
                var place = count
                while place > 0, PointerOrder.isBefore(records[i], records[Int(indices[place &- 1])], preferences) {
                    indices[place] = indices[place &- 1]
                    place &-= 1
                }
                indices[place] = UInt8(truncatingIfNeeded: i)
                count &+= 1
            }
            i &+= 1
        }
    }

    private static func isBefore(
        _ a: DNSRecord, _ b: DNSRecord, _ preferences: ResolverOptions.Preferences
    ) -> Bool {
        if preferences.ignoresNAPTROrder {
            let (mine, other) = (preferences.transports[Int(a.transport)], preferences.transports[Int(b.transport)])
            if mine != other { return mine > other }
        }
        return a.order != b.order ? a.order < b.order : a.preference < b.preference
    }

    mutating func next() -> Int? {
        guard at < count else { return nil }
        at &+= 1
        return Int(indices[at &- 1])
    }
}

/// SRV records in the order of RFC 2782: by priority, and within one priority drawn by weight, or the heaviest first.
struct ServiceOrder {
    /// A bit for each record that was not handed out yet.
    private var left: UInt32
    private let spreads: Bool
    private var seed: UInt64

    /// - Parameter seed: moves on with each order.
    init(_ records: DNSRecordList, spreads: Bool, seed: inout UInt64) {
        left = records.count >= 32 ? .max : (1 &<< UInt32(truncatingIfNeeded: records.count)) &- 1
        self.spreads = spreads
        seed &+= 0x9e37_79b9_7f4a_7c15
        self.seed = seed
    }

    mutating func next(_ records: DNSRecordList) -> Int? {
        var first = -1
        var total: UInt64 = 0
        for i in 0..<records.count where has(i) {
            if first < 0 || records[i].order < records[first].order { (first, total) = (i, 0) }
            if records[i].order == records[first].order { total &+= UInt64(records[i].preference) }
        }
        guard first >= 0 else { return nil }
        let chosen = spreads ? draw(records, records[first].order, total) : heaviest(records, first)
        left &= ~(1 &<< UInt32(truncatingIfNeeded: chosen))
        return chosen
    }

    private func has(_ index: Int) -> Bool { left & 1 &<< UInt32(truncatingIfNeeded: index) != 0 }

    private func heaviest(_ records: DNSRecordList, _ first: Int) -> Int {
        var best = first
        for i in 0..<records.count where has(i) && records[i].order == records[first].order {
            if records[i].preference > records[best].preference { best = i }
        }
        return best
    }

    /// Those of weight 0 stand first, so that they are drawn now and then: a number from 0 up to the sum of the weights falls on the first whose
    /// running sum reaches it.
    private mutating func draw(_ records: DNSRecordList, _ order: UInt16, _ total: UInt64) -> Int {
        let number = random() % (total &+ 1)
        var sum: UInt64 = 0
        var last = 0
        var pass = 0
        while pass < 2 {
            for i in 0..<records.count where has(i) && records[i].order == order {
                guard (records[i].preference > 0) == (pass == 1) else { continue }
                sum &+= UInt64(records[i].preference)
                last = i
                if sum >= number { return i }
            }
            pass &+= 1
        }
        return last
    }

    /// splitmix64.
    private mutating func random() -> UInt64 {
        seed &+= 0x9e37_79b9_7f4a_7c15
        var z = seed
        z = (z ^ z &>> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z &>> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z &>> 31
    }
}

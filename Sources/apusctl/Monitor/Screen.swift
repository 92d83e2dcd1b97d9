import JSON

/// What the monitor prints.
enum Screen {
    /// The lines of a cycle, in serctl's order.
    /// - Parameter before: the cycle before this one; rates are counted from it.
    static func lines(_ reading: Reading, before: Reading?, cycle: Int) -> [String] {
        var lines = [
            "[cycle #: \(cycle); if constant make sure server lives and fifo is on]", "Server: \(reading.server)",
            "Now: \(reading.now)", "Up Since: \(reading.since)", "Up time: \(reading.uptime) [sec]", "",
        ]
        for (index, section) in Section.all.enumerated() {
            let part = reading.sections[index]
            if let absent = part.absent {
                // Those that SER's screen had are there in any case.
                if section.key == "tm" || section.key == "sl" { lines += [section.title, "(\(absent))"] }
                continue
            }
            lines.append(section.title)
            let rates = Rates(part, before?.sections[index], milliseconds: reading.at - (before?.at ?? reading.at))
            for template in section.templates {
                if let line = template.line(part.figures, rate: { rates.text($0) }) { lines.append(line) }
            }
            lines += part.lines
        }
        return lines.map(\.printable)
    }

    /// The same for programs: totals, and rates per second from the second cycle on.
    static func json(_ reading: Reading, before: Reading?, cycle: Int) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("cycle", .int(Int64(cycle))), ("server", .string(reading.server)), ("now", .string(reading.now)),
            ("up_since", .string(reading.since)), ("uptime", .int(reading.uptime)),
        ]
        for (index, section) in Section.all.enumerated() {
            let part = reading.sections[index]
            if part.absent != nil { continue }
            let rates = Rates(part, before?.sections[index], milliseconds: reading.at - (before?.at ?? reading.at))
            var inner: [(String, JSONValue)] = part.figures.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) }
            let perSecond = section.counts.sorted().compactMap { name in
                rates.tenths(name).map { (name, JSONValue.double(Double($0) / 10)) }
            }
            if before != nil { inner.append(("per_second", .fields(perSecond))) }
            members.append((section.key, .fields(inner)))
        }
        return .fields(members)
    }
}

/// How fast figures grow.
struct Rates {
    private let now: [String: Int64]
    private let before: [String: Int64]
    private let milliseconds: Int

    init(_ now: Reading.Part, _ before: Reading.Part?, milliseconds: Int) {
        self.now = now.figures
        self.before = before?.figures ?? [:]
        self.milliseconds = milliseconds
    }

    /// Tenths of one per second; nil when nothing is known to compare with, or a figure was reset.
    func tenths(_ name: String) -> Int64? {
        guard milliseconds > 0, let now = now[name], let before = before[name], now >= before else { return nil }
        let (product, overflow) = (now - before).multipliedReportingOverflow(by: 10_000)
        return overflow ? nil : (product + Int64(milliseconds) / 2) / Int64(milliseconds)
    }

    /// "12.5/s"; nil when nothing grows.
    func text(_ name: String) -> String? {
        guard let tenths = tenths(name), tenths > 0 else { return nil }
        return "\(tenths / 10).\(tenths % 10)/s"
    }
}

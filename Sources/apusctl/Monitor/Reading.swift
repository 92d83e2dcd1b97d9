import BinRPC

/// What the server has said in one cycle.
struct Reading: Equatable {
    /// When, in milliseconds of a clock that never jumps.
    var at = 0
    var server = ""
    var now = ""
    var since = ""
    var uptime: Int64 = 0
    var sections: [Part] = []

    /// What a section knows.
    struct Part: Equatable {
        var figures: [String: Int64] = [:]
        /// Lines that are no figures of the section's templates, as they came.
        var lines: [String] = []
        /// Why nothing is known.
        var absent: String?
    }

    /// The server's name and times out of the FIFO's lines: `Server: …`, `Now: …`, `Up Since: …`, `Up time: n [sec]`.
    mutating func take(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1).map { String($0) }
        guard parts.count == 2 else { return }
        // The management interface has two colons.
        let value = parts[1].drop { $0 == " " || $0 == "\t" || $0 == ":" }
        switch parts[0] {
        case "Server": server = String(value)
        case "Now": now = String(value)
        case "Up Since", "Up since": since = String(value)
        case "Up time": uptime = Int64(value.prefix { $0.isNumber }) ?? 0
        default: break
        }
    }

    /// `name:: value`, as the management interface writes figures.
    static func miFigure(_ line: String) -> (String, Int64)? {
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty, let value = Int64(parts[2].filter { $0 != " " }) else { return nil }
        return (String(parts[0].filter { $0 != "\t" }), value)
    }
}

extension Session {
    /// Asks the server for all that the monitor shows.
    func reading() throws(Failure) -> Reading {
        var reading = Reading()
        if let fifo {
            for line in try lines(fifo, "version") + lines(fifo, "uptime") { reading.take(line) }
            for section in Section.all { reading.sections.append(try part(section, fifo)) }
        } else {
            reading.server = try call("core.version").first?.plain ?? ""
            let times = try call("core.uptime").first ?? .map([])
            reading.now = times["now"]?.plain ?? ""
            reading.since = times["up_since"]?.plain ?? ""
            reading.uptime = times["uptime"]?.number ?? 0
            for section in Section.all { reading.sections.append(try part(section)) }
        }
        reading.at = monotonicMilliseconds()
        return reading
    }

    private func part(_ section: Section, _ fifo: FIFODoor) throws(Failure) -> Reading.Part {
        guard let command = section.fifoCommand else { return Reading.Part(absent: "not over a FIFO") }
        let reply = try reply(fifo, command)
        guard reply.isGood else { return Reading.Part(absent: reply.status) }
        var part = Reading.Part()
        for line in reply.lines {
            if let (name, value) = Reading.miFigure(line) {
                part.figures[name] = value
            } else if let figures = section.templates.lazy.compactMap({ $0.figures(line) }).first {
                part.figures.merge(figures) { $1 }
            } else if !line.allSatisfy({ $0 == " " }) {
                part.lines.append(line)
            }
        }
        return part
    }

    private func part(_ section: Section) throws(Failure) -> Reading.Part {
        do {
            let values = try call(section.command, section.group.map { [.text($0)] } ?? [], of: section.module)
            return section.group == nil ? Section.part(values) : section.part(Counter.all(values))
        } catch {
            // The module is not there: the others have something to say all the same.
            guard case .refused = error else { throw error }
            return Reading.Part(absent: error.text)
        }
    }
}

extension Section {
    /// Out of a map of figures.
    static func part(_ values: [RPCValue]) -> Reading.Part {
        var part = Reading.Part()
        for value in values {
            guard case .map(let members) = value else { continue }
            for member in members {
                part.figures[String(decoding: member.name, as: UTF8.self)] = member.value.number
            }
        }
        return part
    }

    /// Out of statistics; without templates they become lines.
    func part(_ counters: [Counter]) -> Reading.Part {
        if counters.isEmpty { return Reading.Part(absent: "no statistics of group \(key)") }
        var part = Reading.Part()
        for counter in counters {
            part.figures[counter.name] = counter.value
            if templates.isEmpty { part.lines.append("\(counter.name): \(counter.value)") }
        }
        return part
    }
}

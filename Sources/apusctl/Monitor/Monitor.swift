import Glibc
import JSON

extension Verb {
    static let monitor = Verb(
        names: ["monitor", "moni", "console", "con"], group: .monitoring, arguments: "[cycles]",
        summary: "a screen of figures that is refreshed",
        details: """
            Every WATCH_PERIOD seconds (2), until ^C or for a number of cycles. What is
            counted has its rate per second beside it while it grows: `total: 500 [25.0/s]`.
            Without an end given it waits for a server that is away. With --json each cycle
            is a line.
            """,
        count: 0...1
    ) { session throws(Failure) in
        var cycles: Int?
        if let word = session.arguments.first {
            guard let number = Int(word), number > 0 else { throw .usage("`\(word)` is no number of cycles") }
            cycles = number
        }
        let period = try Invocation.milliseconds(session.settings["WATCH_PERIOD"] ?? "2", of: "WATCH_PERIOD")
        try Monitor(session, cycles: cycles, period: period).run()
    }
}

/// The loop behind the screen.
struct Monitor {
    private let session: Session
    /// nil: for ever.
    private let cycles: Int?
    /// Milliseconds.
    private let period: Int

    init(_ session: Session, cycles: Int?, period: Int) {
        self.session = session
        self.cycles = cycles
        self.period = period
    }

    func run() throws(Failure) {
        // ^C is how one leaves.
        signal(SIGINT) { _ in _exit(0) }
        let begin = monotonicMilliseconds()
        var before: Reading?
        var cycle = 1
        while true {
            do {
                let reading = try session.reading()
                show(reading, before: before, cycle: cycle)
                before = reading
            } catch {
                // Who watches for ever may be watching a restart; but there has to be something to begin with.
                guard cycles == nil, before != nil, error.exitCode != 1 else { throw error }
                complain(error)
            }
            if cycle == cycles { return }
            // On the beat, whatever the asking took.
            let next = begin + cycle * period
            let left = max(0, next - monotonicMilliseconds())
            poll(nil, 0, Int32(clamping: left))
            cycle += 1
        }
    }

    private func show(_ reading: Reading, before: Reading?, cycle: Int) {
        if session.json { return Output.json(Screen.json(reading, before: before, cycle: cycle)) }
        paint(Screen.lines(reading, before: before, cycle: cycle))
    }

    private func complain(_ failure: Failure) {
        if session.json { return Output.json(.fields([("error", .string(failure.text))])) }
        paint(failure.text.split(separator: "\n").map { String($0) })
    }

    /// A terminal is painted over from its top, line by line, so that it does not flicker, as far as it reaches; elsewhere cycles follow each
    /// other.
    private func paint(_ lines: [String]) {
        if Output.isTerminal {
            var size = winsize()
            let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 1 && size.ws_col > 0
            let rows = lines.prefix(known ? Int(size.ws_row) - 1 : lines.count)
            let shown = rows.map { known ? String($0.prefix(Int(size.ws_col))) : $0 }
            Output.write("\u{1b}[H" + shown.map { $0 + "\u{1b}[K\n" }.joined() + "\u{1b}[J")
        } else {
            Output.write(lines.map { $0 + "\n" }.joined() + "\n")
        }
    }
}

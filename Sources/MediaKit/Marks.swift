import Bencode
import PluginKit

// Invariants: the variables are compiled in `start` and constant from then on. Answers are read where they are.

/// Whose sound marks are about.
enum MarkSide: Int {
    /// The call's.
    case all
    /// That of sides with a label that the config names.
    case a, b
}

/// What is told of a call's sound: mean opinion scores (ITU-T P.800.1), and what was measured with them.
enum Mark: Int {
    case lowest, lowestAt, lowestLoss, lowestJitter, lowestRoundtrip, lowestLeg
    case highest, highestAt, highestLoss, highestJitter, highestRoundtrip, highestLeg
    case average, averageLoss, averageJitter, averageRoundtrip, averageLeg, averageSamples

    static var count: Int { Mark.averageSamples.rawValue + 1 }
}

/// The variables that get marks, by sides and marks.
struct MarkVariables {
    /// Nobody wants any.
    private(set) var isEmpty = true
    private let texts = UnsafeMutablePointer<apus_str>.allocate(capacity: MarkVariables.capacity)
    private let variables = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: MarkVariables.capacity)

    private static var labels: Int { 3 * Mark.count }
    private static var capacity: Int { labels + 3 }

    init() {
        texts.initialize(repeating: apus_str(), count: MarkVariables.capacity)
        variables.initialize(repeating: nil, count: MarkVariables.capacity)
    }

    /// [declare] Where the text of a parameter goes; without a mark that of a side's label.
    func place(_ side: MarkSide, _ mark: Mark?) -> UnsafeMutablePointer<apus_str> {
        texts + (mark.map { side.rawValue * Mark.count + $0.rawValue } ?? MarkVariables.labels + side.rawValue)
    }

    /// [start] False with the reason in the log.
    mutating func compile(_ host: Host) -> Bool {
        for index in 0..<MarkVariables.capacity where !texts[index].isEmpty {
            guard let variable = host.pointee.vars.pointee.compile(host, texts[index]) else { return false }
            variables[index] = variable
            if index < MarkVariables.labels { isEmpty = false }
        }
        return true
    }

    /// Gives the variables what a query's or deletion's answer says. What it does not say stays as it was.
    @_noLocks func put(_ call: Call, _ answer: BencodedValue) {
        guard !isEmpty, let sources = answer["SSRC"] else { return }
        let start = answer["created"]?.number ?? 0
        put(call, .all, Marks(sources, nil), start)
        put(call, .a, answer, sources, start)
        put(call, .b, answer, sources, start)
    }

    private func put(
        _ call: Call, _ side: MarkSide, _ answer: BencodedValue, _ sources: BencodedValue, _ start: Int64
    ) {
        guard let variable = variables[MarkVariables.labels + side.rawValue], let value = call.read(variable),
            let label = call.text(of: value), let tags = answer["tags"]
        else { return }
        put(call, side, Marks(sources, (tags, label)), start)
    }

    private func put(_ call: Call, _ side: MarkSide, _ marks: Marks, _ start: Int64) {
        guard let lowest = marks.lowest, let highest = marks.highest else { return }
        put(call, side, .lowest, lowest, start)
        put(call, side, .highest, highest, start)
        if let average = marks.average { put(call, side, .average, average, start) }
        variable(side, .averageSamples).map { call.put($0, marks.samples) }
    }

    private func variable(_ side: MarkSide, _ mark: Mark) -> OpaquePointer? {
        variables[side.rawValue * Mark.count + mark.rawValue]
    }

    /// A row of marks, which stand behind each other from `first` on.
    private func put(_ call: Call, _ side: MarkSide, _ first: Mark, _ values: MarkValues, _ start: Int64) {
        let row = variables + side.rawValue * Mark.count + first.rawValue
        if let variable = row[0] { call.put(variable, values.mark / 10, ".", values.mark % 10) }
        // An average has no time.
        let isAverage = first == .average
        if !isAverage, let variable = row[1], let at = values.at {
            let seconds = max(0, at - start)
            call.put(variable, seconds / 60, ":", seconds % 60, width: 2)
        }
        let rest = row + (isAverage ? 1 : 2)
        if let variable = rest[0] { call.put(variable, values.loss) }
        if let variable = rest[1] { call.put(variable, values.jitter) }
        if let variable = rest[2] { call.put(variable, values.roundtrip) }
        if let variable = rest[3] { call.put(variable, values.leg) }
    }
}

/// What was measured at one time, or on average.
struct MarkValues: Equatable {
    /// In tenths.
    var mark: Int64
    /// Percent.
    var loss: Int64
    /// Milliseconds.
    var jitter: Int64
    /// Microseconds, of all of the way and of that between proxy and side.
    var roundtrip: Int64
    var leg: Int64
    /// Seconds since 1970; nil of averages.
    var at: Int64?

    init?(_ value: BencodedValue?) {
        guard let value, let mark = value["MOS"]?.number, 0...1000 ~= mark else { return nil }
        self.mark = mark
        loss = value["packet loss"]?.number ?? 0
        jitter = value["jitter"]?.number ?? 0
        roundtrip = value["round-trip time"]?.number ?? 0
        leg = value["round-trip time leg"]?.number ?? 0
        at = value["reported at"]?.number
    }
}

/// The marks of several streams together.
struct Marks {
    private(set) var lowest: MarkValues?
    private(set) var highest: MarkValues?
    private(set) var samples: Int64 = 0
    private var sum: MarkValues?
    private var count: Int64 = 0

    /// - Parameters:
    ///   - sources: marks by synchronization sources.
    ///   - side: only those that sides of that label among these tags send.
    init(_ sources: BencodedValue, _ side: (tags: BencodedValue, label: apus_str)?) {
        var items = sources.items
        while let source = items.next(), let marks = items.next() {
            if let side {
                guard let name = source.text, Marks.sends(name, side.tags, side.label) else { continue }
            }
            if let value = MarkValues(marks["lowest MOS"]), value.mark < lowest?.mark ?? .max { lowest = value }
            if let value = MarkValues(marks["highest MOS"]), value.mark > highest?.mark ?? .min { highest = value }
            if let value = MarkValues(marks["average MOS"]) {
                add(value)
                samples &+= marks["average MOS"]?["samples"]?.number ?? 0
            }
        }
    }

    private mutating func add(_ value: MarkValues) {
        count += 1
        guard var sum else {
            sum = value
            return
        }
        sum.mark &+= value.mark
        sum.loss &+= value.loss
        sum.jitter &+= value.jitter
        sum.roundtrip &+= value.roundtrip
        sum.leg &+= value.leg
        self.sum = sum
    }

    /// Of the streams' averages.
    var average: MarkValues? {
        guard var sum, count > 0 else { return nil }
        sum.mark /= count
        sum.loss /= count
        sum.jitter /= count
        sum.roundtrip /= count
        sum.leg /= count
        return sum
    }

    /// Whether a side of that label sends the source.
    private static func sends(_ source: UnsafeRawBufferPointer, _ tags: BencodedValue, _ label: apus_str) -> Bool {
        var items = tags.items
        while items.next() != nil, let tag = items.next() {
            guard let its = tag["label"]?.text, its.text.isSame(label) else { continue }
            guard var medias = tag["medias"]?.items else { continue }
            while let media = medias.next() {
                guard var streams = media["streams"]?.items else { continue }
                while let stream = streams.next() {
                    // A number here, and a text as a key there.
                    guard let number = stream["SSRC"]?.number else { continue }
                    if unchecked({ source.text.number }) == number { return true }
                }
            }
        }
        return false
    }
}

extension UnsafePointer<apus_call> {
    /// `17`, or with a second number `4.3`, `1:05`.
    fileprivate func put(
        _ variable: OpaquePointer, _ number: Int64, _ separator: apus_str = "", _ rest: Int64? = nil, width: Int = 1
    ) {
        unchecked {
            guard var writer = writer(48) else { return }
            writer.add(number: number)
            writer.add(separator)
            if let rest { writer.add(number: rest, width: width) }
            put(variable, apus_value(writer.text))
        }
    }
}

/// The proxy has ended the session, or will not answer: it is over either way.
let takeMarks: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, payload in
    if status == CInt(APUS_OK), let delivery = payload?.assumingMemoryBound(to: Delivery.self),
        delivery.pointee.outcome == .answered, let answer = Bencode.read(delivery.answer)
    {
        state.pointee.marks.put(call, answer)
    }
    return .true
}

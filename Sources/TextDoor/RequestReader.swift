/// Finds requests of the text protocols in the bytes of a FIFO or datagram. Whatever comes, it goes on: a request that is wrong is refused with
/// a reason, and the next one is read.
public struct RequestReader {
    /// What was read.
    public enum Outcome: Equatable {
        case request(TextRequest)
        /// Why not, with the code of the answer (as SIP's and HTTP's are), and who waits for it.
        case refused(Int, String, replyFile: String?)
    }

    /// How a request may end without being whole.
    public enum End {
        /// The datagram ends: a last part without its end mark is whole.
        case datagram
        /// Nothing more has come for too long: the command is executed only when arguments are missing, so that it says which.
        case tooSlow
        /// It is larger than a door takes: what follows is read for its end only.
        case tooLarge
    }

    /// Bytes of a line that is an argument of its own.
    public static let maxLine = 512
    /// Bytes of a request.
    public static let maxRequest = 65_457

    private enum State {
        /// Empty lines are skipped, any other one begins a request.
        case between
        case arguments
        /// The request is read; what is left up to an empty line, or to the next request, means nothing.
        case trailing
        /// Up to an empty line: behind a first line that makes no sense.
        case skipping
    }

    public typealias Taker = (Outcome) -> Void

    private let dialect: Dialect
    private let parts: ([UInt8]) -> [ArgumentPart]?
    private var state = State.between
    private var request = TextRequest(name: [], replyFile: nil)
    /// Of its arguments, those that are still to come; in SER's text.
    private var awaited: ArraySlice<ArgumentPart> = []
    /// The lines of the part that is being read.
    private var block: [UInt8]?
    /// The value that is being read stands in quotes, over several lines.
    private var quoted: [UInt8]?
    /// Why it is refused at its end.
    private var refusal: (code: Int, text: String)?
    /// It was refused, and is only read to its end.
    private var isDropped = false

    /// - Parameter parts: the arguments of a command in SER's text; nil when it has no form of its own there: then each line is one.
    public init(_ dialect: Dialect, parts: @escaping (_ name: [UInt8]) -> [ArgumentPart]?) {
        self.dialect = dialect
        self.parts = parts
    }

    // MARK: - Bytes

    /// Reads whole requests.
    /// - Parameter limit: outcomes that are wanted; what is behind them is left.
    /// - Returns: how many bytes need not be shown again.
    public mutating func read(_ bytes: UnsafeRawBufferPointer, atMost limit: Int = .max, _ take: Taker) -> Int {
        var used = 0
        var count = 0
        var trial = self
        var rest = bytes[...]
        while count < limit, let stop = rest.firstIndex(of: 0x0A) {
            trial.take(line: Array(rest[..<stop])) {
                count += 1
                take($0)
            }
            rest = rest[(stop + 1)...]
            // In the middle of a request all of it is read once more when there is more of it.
            if trial.state != .arguments || trial.isDropped {
                used = rest.startIndex - bytes.startIndex
                self = trial
            }
        }
        return used
    }

    /// No more will come of the request that has begun. Reads on at the beginning of one, except behind one that is too large.
    /// - Parameter bytes: those that were not used.
    public mutating func end(_ end: End, _ bytes: UnsafeRawBufferPointer, _ take: Taker) {
        var rest = bytes[...]
        while let stop = rest.firstIndex(of: 0x0A) {
            self.take(line: Array(rest[..<stop]), take)
            rest = rest[(stop + 1)...]
        }
        switch end {
        case .datagram:
            if !rest.isEmpty { self.take(line: Array(rest), take) }
            if state == .arguments { cutOff(true, take) }
        case .tooSlow: if state == .arguments { cutOff(false, take) }
        case .tooLarge:
            if !isDropped { take(.refused(413, "the request is too large", replyFile: request.replyFile)) }
            isDropped = true
            if state == .between { state = .skipping }
            return
        }
        forget()
    }

    /// Nothing has come for so long that whatever comes now begins a request.
    public mutating func forget() {
        state = .between
        isDropped = false
    }

    private mutating func cutOff(_ isWhole: Bool, _ take: Taker) {
        if quoted != nil { refuse("a value's quotes are not closed") }
        let mayEnd = dialect != .ser || awaited.first == .rest || awaited.first == .optionalBody && block == nil
        if isWhole, let block, refusal == nil {
            request.arguments.append(block)
        } else if !isWhole, mayEnd || awaited.allSatisfy({ $0 == .optionalBody }) {
            refuse("the rest of the request has not come", code: 408)
        }
        finish(take)
    }

    private mutating func take(line: [UInt8], _ take: Taker) {
        let whole = line.last == 0x0D ? line.dropLast() : line[...]
        let text = Array(whole.prefix((whole.lastIndex { $0 != 0x20 && $0 != 0x09 } ?? -1) + 1))
        switch state {
        case .skipping: if text.isEmpty { state = .between }
        case .trailing:
            if text.isEmpty { state = .between } else if text.first == 0x3A { begin(text, take) }
        case .between: if !text.isEmpty { begin(text, take) }
        case .arguments:
            switch dialect {
            case .ser: argument(text, whole: whole, take)
            case .mi: value(text, whole: whole, take)
            case .ctl: if text.isEmpty { finish(take) } else { add(line: LineText.read(text)) }
            }
        }
    }

    // MARK: - First line

    private mutating func begin(_ text: [UInt8], _ take: Taker) {
        refusal = nil
        isDropped = false
        do throws(FirstLine.Fault) { request = try FirstLine.read(text) } catch {
            let shown = RequestReader.shown(text)
            take(.refused(400, "a request cannot begin with `\(shown)`: \(error.rawValue)", replyFile: nil))
            state = .skipping
            return
        }
        quoted = nil
        block = nil
        awaited = dialect != .ser ? [] : (parts(request.name) ?? [.rest])[...]
        state = .arguments
        if dialect == .ser, awaited.isEmpty { finish(take, leaving: .trailing) }
    }

    // MARK: - Arguments, SER's

    private mutating func argument(_ text: [UInt8], whole: ArraySlice<UInt8>, _ take: Taker) {
        guard let part = awaited.first else { return }
        switch part {
        case .line where text.isEmpty, .rest where text.isEmpty: finish(take)
        case .line, .blank:
            add(line: text)
            next(take)
        case .rest: add(line: text)
        case .lines:
            if text.isEmpty || text == [0x2E] {
                endBlock(take, endsRequest: text.isEmpty)
            } else {
                add(toBlock: text[...])
            }
        case .body, .optionalBody:
            if text == [0x2E] {
                endBlock(take)
            } else if text.isEmpty, part == .optionalBody, block == nil {
                finish(take)
            } else {
                add(toBlock: whole)
            }
        }
    }

    private mutating func add(line text: [UInt8]) {
        if text.count > RequestReader.maxLine {
            refuse("a line of the request is longer than \(RequestReader.maxLine) bytes")
        }
        if !isDropped { request.arguments.append(text) }
    }

    private mutating func add(toBlock text: ArraySlice<UInt8>) {
        if block == nil { block = [] }
        if !isDropped { block?.append(contentsOf: text + [0x0D, 0x0A]) }
    }

    private mutating func endBlock(_ take: Taker, endsRequest: Bool = false) {
        request.arguments.append(block ?? [])
        block = nil
        next(take, endsRequest: endsRequest)
    }

    /// - Parameter endsRequest: the empty line that ended the last part is the request's end as well.
    private mutating func next(_ take: Taker, endsRequest: Bool = false) {
        awaited.removeFirst()
        if awaited.isEmpty { finish(take, leaving: endsRequest ? .between : .trailing) }
    }

    // MARK: - Arguments, MI's

    private mutating func value(_ text: [UInt8], whole: ArraySlice<UInt8>, _ take: Taker) {
        if quoted != nil {
            quoted?.append(contentsOf: [0x0D, 0x0A])
            return unquote(whole)
        }
        if text.isEmpty { return finish(take) }
        let value = text[MIValue.start(in: text)...]
        if value.first == 0x22 {
            quoted = []
            unquote(value.dropFirst())
        } else {
            add(line: Array(value))
        }
    }

    /// Reads on in quotes.
    private mutating func unquote(_ text: ArraySlice<UInt8>) {
        var value = quoted ?? []
        quoted = nil
        guard let end = MIValue.unquote(text, into: &value) else {
            quoted = isDropped ? [] : value
            return
        }
        if text[end...].contains(where: { $0 != 0x20 && $0 != 0x09 }) {
            refuse("something follows a value's quotes")
        }
        if !isDropped { request.arguments.append(value) }
    }

    // MARK: - Ends

    private mutating func finish(_ take: Taker, leaving next: State = .between) {
        if !isDropped {
            take(refusal.map { .refused($0.code, $0.text, replyFile: request.replyFile) } ?? .request(request))
        }
        state = next
        isDropped = false
        request = TextRequest(name: [], replyFile: nil)
    }

    private mutating func refuse(_ text: String, code: Int = 400) {
        if refusal == nil { refusal = (code, text) }
    }

    /// At most 40 characters, for a log line.
    private static func shown(_ text: [UInt8]) -> String {
        String(decoding: text.prefix(40).map { 0x20..<0x7F ~= $0 ? $0 : 0x3F }, as: UTF8.self)
            + (text.count > 40 ? "..." : "")
    }
}

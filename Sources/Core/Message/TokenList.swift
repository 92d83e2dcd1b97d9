/// The elements of all lines of a header field that holds a comma-separated list: option tags (Require, Supported …), methods (Allow), event
/// packages, media ranges. Empty elements are passed over.
struct TokenList: Sequence, IteratorProtocol {
    private let message: Message
    private var header: Header?
    private var at = 0

    init(_ message: Message, _ id: HeaderID) {
        self.message = message
        header = message.first(id)
    }

    /// The next element as written, parameters included.
    mutating func next() -> Bytes? {
        while let line = header {
            let text = message.value(of: line)
            while let element = text.nextListElement(&at) {
                if !element.isEmpty { return element }
            }
            header = message.next(after: line)
            at = 0
        }
        return nil
    }
}

extension Message {
    /// The elements of a list-valued header field.
    func tokens(_ id: HeaderID) -> TokenList { TokenList(self, id) }

    /// Whether one of the elements is `token`, in any case; parameters of elements do not count.
    func has(_ id: HeaderID, token: Bytes) -> Bool {
        for element in tokens(id) {
            let name = element.prefix(element.firstIndex(of: UInt8(ascii: ";")) ?? element.count).trimmed
            if name.equalsIgnoringCase(token) { return true }
        }
        return false
    }
}

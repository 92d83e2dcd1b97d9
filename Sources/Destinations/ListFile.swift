/// The text format of destination sets: a line each, of a set's number, a URI, and optional flags, priority and attributes.
package enum ListFile {
    /// Something that is wrong, or worth a remark, and where: from 1 on.
    package struct Complaint: Equatable, Sendable {
        package let line: Int
        package let column: Int
        package let text: String
        /// The line itself.
        package let source: String
    }

    /// A destination with the place where it stands.
    package struct Line: Equatable, Sendable {
        package let number: Int
        package let source: String
        package let draft: Draft
    }

    package struct Contents: Equatable, Sendable {
        package var lines: [Line] = []
        /// Lines that are no destinations: the list is broken.
        package var mistakes: [Complaint] = []
        /// Of destinations that are taken anyway.
        package var remarks: [Complaint] = []
    }

    /// A line's bytes are unlimited; what is shown of one in a complaint is not.
    private static let shown = 200

    package static func parse(_ bytes: [UInt8]) -> Contents {
        var contents = Contents()
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var reader = Reader(line, number)
            do throws(Complaint.Reason) {
                guard let draft = try reader.read() else { continue }
                let source = reader.source
                contents.lines.append(Line(number: number, source: source, draft: draft))
                for remark in draft.attributes.remarks { reader.remark(remark, at: reader.attributesColumn) }
                contents.remarks += reader.remarks
            } catch {
                contents.mistakes.append(reader.complaint(error.text, at: error.column))
            }
        }
        return contents
    }

    /// Takes one line apart.
    private struct Reader {
        private let line: ArraySlice<UInt8>
        private let number: Int
        private var at: Int
        private(set) var attributesColumn = 1
        private(set) var remarks: [Complaint] = []

        init(_ line: ArraySlice<UInt8>, _ number: Int) {
            // The line end of other systems.
            self.line = line.last == 0x0d ? line.dropLast() : line
            self.number = number
            at = line.startIndex
        }

        var source: String { String(decoding: line.prefix(ListFile.shown), as: UTF8.self) }

        func complaint(_ text: String, at column: Int) -> Complaint {
            Complaint(line: number, column: column, text: text, source: source)
        }

        mutating func remark(_ text: String, at column: Int) { remarks.append(complaint(text, at: column)) }

        /// The next field and its column; nil at the end of the line, and where a comment begins.
        private mutating func field() -> (text: String, column: Int)? {
            while at < line.endIndex, line[at] == 0x20 || line[at] == 0x09 { at += 1 }
            guard at < line.endIndex, line[at] != UInt8(ascii: "#") else { return nil }
            let start = at
            while at < line.endIndex, line[at] != 0x20, line[at] != 0x09 { at += 1 }
            return (String(decoding: line[start..<at], as: UTF8.self), start - line.startIndex + 1)
        }

        /// The destination; nil when the line has none.
        mutating func read() throws(Complaint.Reason) -> Draft? {
            guard let (setText, setColumn) = field() else { return nil }
            guard let set = Int32(setText), set >= 0 else {
                throw Complaint.Reason("a set's number is 0 to \(Int32.max), not `\(setText)`", setColumn)
            }
            guard let (uri, uriColumn) = field() else {
                throw Complaint.Reason("the URI of the destination is missing", at - line.startIndex + 1)
            }
            var draft = Draft(set: set, uri: ListFile.withScheme(uri))
            if draft.uri != uri {
                remark("`\(uri)` has no scheme: it is taken as \(draft.uri)", at: uriColumn)
            }
            if let (text, column) = field() {
                guard let flags = ListFile.number(text), flags >= 0 else {
                    throw Complaint.Reason("flags are a number, decimal or 0x and hexadecimal, not `\(text)`", column)
                }
                draft.flags = Condition(rawValue: UInt32(truncatingIfNeeded: flags)).intersection(.all)
                if UInt64(flags) & ~UInt64(Condition.all.rawValue) != 0 {
                    remark("flags \(text): bits beyond \(Condition.all.rawValue) mean nothing", at: column)
                }
            }
            if let (text, column) = field() {
                guard let priority = Int32(text) else {
                    throw Complaint.Reason("the priority is a number, not `\(text)`", column)
                }
                draft.priority = priority
            }
            if let (text, column) = field() {
                attributesColumn = column
                draft.attributes = Attributes(text)
            }
            if let (text, column) = field() {
                throw Complaint.Reason("nothing stands behind the attributes, which have no blanks: `\(text)`", column)
            }
            return draft
        }
    }

    /// Decimal, or hexadecimal behind 0x.
    private static func number(_ text: String) -> Int64? {
        let lower = text.lowercased()
        return lower.hasPrefix("0x") ? Int64(lower.dropFirst(2), radix: 16) : Int64(text)
    }

    /// The URI, with `sip:` in front when it has neither that nor `sips:`.
    package static func withScheme(_ uri: String) -> String {
        let lower = uri.lowercased()
        return lower.hasPrefix("sip:") || lower.hasPrefix("sips:") ? uri : "sip:" + uri
    }
}

extension ListFile.Complaint {
    fileprivate struct Reason: Error {
        let text: String
        let column: Int

        init(_ text: String, _ column: Int) {
            self.text = text
            self.column = column
        }
    }
}

/// The text format of address lists: a line each, of a group, an address, and optional mask, port and tag, in this order. `#` begins a comment.
package enum AddressFile {
    /// A line that is wrong, from 1 on.
    package struct Mistake: Error, Equatable {
        package let line: Int
        package let text: String
    }

    /// - Parameter parse: `net->parse_address`.
    package static func parse(
        _ bytes: [UInt8], parse: (String) -> NetworkAddress?
    ) throws(Mistake) -> [AddressRow] {
        var rows: [AddressRow] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let text = line.prefix { $0 != UInt8(ascii: "#") }
            let fields = text.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
                .map { String(decoding: $0, as: UTF8.self) }
            if fields.isEmpty { continue }
            do throws(AddressRow.Mistake) { rows.append(try row(fields, parse)) } catch {
                throw Mistake(line: number, text: error.text)
            }
        }
        return rows
    }

    private static func row(
        _ fields: [String], _ parse: (String) -> NetworkAddress?
    ) throws(AddressRow.Mistake) -> AddressRow {
        guard fields.count >= 2 else { throw AddressRow.Mistake("a line is: group address [mask [port [tag]]]") }
        guard fields.count <= 5 else { throw AddressRow.Mistake("there is something behind the tag: `\(fields[5])`") }
        func number(_ place: Int, _ what: String) throws(AddressRow.Mistake) -> Int64? {
            guard place < fields.count else { return nil }
            guard let number = Int64(fields[place]) else {
                throw AddressRow.Mistake("the \(what) is a number, not `\(fields[place])`")
            }
            return number
        }
        return try AddressRow(
            group: number(0, "group"), address: fields[1], bits: number(2, "mask"), port: number(3, "port"),
            tag: fields.count > 4 ? fields[4] : nil, parse: parse)
    }
}

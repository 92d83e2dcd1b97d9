import AccessLists
import PluginKit
import TableKit

// Invariants: built by one thread and never changed afterwards; ends with `end`.

/// The addresses of the table, or of the file, as it was at one time.
struct AddressList: Renewable {
    let index: AddressIndex

    static func read(_ host: Host) throws(ReadFault) -> AddressList {
        let parse = { (text: String) in host.network(text) }
        let rows: [AddressRow]
        switch state.pointee.addressSource {
        case nil: throw ReadFault("there are no addresses: neither db_url nor address_file is set")
        case .file(let path):
            let bytes = try readFile(path)
            do throws(AddressFile.Mistake) { rows = try AddressFile.parse(bytes, parse: parse) } catch {
                throw ReadFault("\(path):\(error.line): \(error.text)")
            }
        case .table(let table): rows = try read(host, table, parse)
        }
        return AddressList(index: AddressIndex(rows, choice: state.pointee.choosesLongest != 0 ? .longest : .first))
    }

    private static func read(
        _ host: Host, _ table: TableReading, _ parse: (String) -> NetworkAddress?
    ) throws(ReadFault) -> [AddressRow] {
        var rows: [AddressRow] = []
        try table.read(host) { (row) throws(ReadFault) in
            do throws(AddressRow.Mistake) {
                rows.append(
                    try AddressRow(
                        group: row.number(0), address: row.text(1), bits: row.number(2), port: row.number(3),
                        tag: row.textIfAny(4), parse: parse))
            } catch {
                throw ReadFault("table \(table.table.string), row \(row.number): \(error.text)")
            }
        }
        return rows
    }

    func end() { index.end() }
}

extension UnsafePointer<apus_host> {
    /// [any] Nil when the text is no IP address.
    func network(_ text: apus_str) -> NetworkAddress? {
        var address = apus_address()
        return pointee.net.pointee.parse_address(text, &address) > 0 ? NetworkAddress(address) : nil
    }

    func network(_ text: String) -> NetworkAddress? {
        var text = text
        return text.withUTF8 { network(apus_str(start: $0.baseAddress, count: $0.count)) }
    }

    /// Without brackets, as $si has it, in the buffer.
    func text(of address: NetworkAddress, in buffer: UnsafeMutableBufferPointer<CChar>) -> apus_str {
        var given = address.address
        guard let start = buffer.baseAddress else { return "" }
        let count = pointee.net.pointee.write_address(&given, start, buffer.count)
        let text = apus_str(s: start, len: count)
        return address.isIPv6 && count > 2 ? text[1..<count - 1] : text
    }
}

/// Room for the text of any address.
let addressTextCapacity = 64

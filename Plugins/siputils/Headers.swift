import Glibc
import PluginKit
import RoutingKit

/// `hdr_date_check(seconds)`: Date is not older than that. −1: there is none that can be read; −4: it is older.
func checkDate(_ call: Call) -> CInt {
    var date: Int64 = 0
    guard let header = call.message.find("Date"), call.message.api.pointee.parse_date(header.value, &date) > 0 else {
        return .false
    }
    return Int64(time(nil)) - date > call.int(0) ? -4 : .true
}

/// `sip_parse_headers()`: the headers that say where a message goes and belongs to can be read, values and all.
func parseHeaders(_ call: Call) -> CInt {
    let message = call.message
    let fields = (APUS_FIELD_FROM_URI, APUS_FIELD_TO_URI, APUS_FIELD_CSEQ_NUMBER, APUS_FIELD_CALL_ID)
    guard !message.field(fields.0).isEmpty, !message.field(fields.1).isEmpty, !message.field(fields.2).isEmpty,
        !message.field(fields.3).isEmpty, message.api.pointee.via_count(message.handle) > 0
    else { return .false }
    var contacts = Contacts(message)
    while contacts.next() != nil {}
    guard !contacts.isBroken, message.addressesParse("Route"), message.addressesParse("Record-Route"),
        message.addressesParse("Path"), message.addressesParse("P-Asserted-Identity")
    else { return .false }
    return .true
}

extension Message {
    /// Whether all values of the headers of that name are name-addrs.
    fileprivate func addressesParse(_ name: apus_str) -> Bool {
        eachHeader(name) { header in
            var rest = header.value.trimmed
            repeat {
                guard let value = parse(nameAddr: rest), parse(uri: value.uri) != nil else { return false }
                rest = rest.dropFirst(Int(value.length) + 1).trimmed
            } while !rest.isEmpty
            return true
        }
    }
}

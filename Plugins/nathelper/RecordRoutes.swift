import PluginKit
import RoutingKit

/// `$rr_count`: how many Record-Routes the message has.
func countRecordRoutes(_ access: Access, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
    var count: Int64 = 0
    access.message.eachValue("Record-Route") { _ in
        count += 1
        return true
    }
    out.pointee = apus_value(count)
    return .true
}

/// `$rr_top_count`: how many of them the topmost proxy has put there: 2 when it has said so by `;r2`, else 1.
func countTopRecordRoutes(_ access: Access, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
    let message = access.message
    var count: Int64 = 0
    message.eachValue("Record-Route") { value in
        let uri = message.parse(nameAddr: value).flatMap { message.parse(uri: $0.uri) }
        count = uri?.r2.isNull == false ? 2 : 1
        return false
    }
    out.pointee = apus_value(count)
    return .true
}

import PluginKit

/// `is_faked_msg`, `is_incoming`.
func declareMessageTests(_ host: Host) {
    host.function(
        "is_faked_msg", doc: "Whether the server has made the message up, since the event concerns none.",
        call: { $0.message.api.pointee.is_faked($0.pointee.msg) > 0 ? .true : .false })
    host.function(
        "is_incoming", doc: "False in event_route[network:msg] for what is about to leave, true anywhere else.",
        call: { $0.host.workerState?.pointee.isOutgoing == true ? .false : .true })
}

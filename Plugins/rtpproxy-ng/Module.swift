import MediaKit
import PluginKit

private let module = Module(
    "rtpproxy-ng", version: "1.0", summary: "Media by way of a media proxy, as the module rtpproxy has it",
    needs: "tm/1?", start: { MediaModule.start($0) }, worker: { MediaModule.worker($0, $1) },
    declare: { host in
        MediaModule.declare(host, .letters)
        host.mediaSet("set_rtp_proxy_set")
        host.media("rtpproxy_offer", .offer, .address, doc: "Puts the proxy's address into an offer.")
        let answering =
            APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE
        host.media(
            "rtpproxy_answer", .answer, .address, routes: answering, doc: "Puts the proxy's address into an answer.")
        host.media("rtpproxy_destroy", .delete, doc: "Ends the call at the proxy.")
        host.media("unforce_rtp_proxy", .delete, doc: "Ends the call at the proxy.")
        host.media("unforce_rtpproxy", .delete, deprecated: true, doc: "unforce_rtp_proxy")
        host.media(
            "rtpproxy_manage", nil, .address,
            doc: "Does what the message wants: an offer, an answer, or the call's end.")
        host.media("start_recording", .startRecording, doc: "Has the proxy record the call.")
        host.mediaStatistics("rtpstat")
        host.mediaStatistics("rtpstart")
        host.mediaStatistics("rtpestat")
        declareCommands(host)
    })

@c(apus_module_rtpproxy_ng)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareCommands(_ host: Host) {
    host.command(
        "rtpproxy.enable", aliases: "nh_enable_rtpp", arguments: "url:string, on:int", reply: "string",
        doc: "Enables a proxy, or with 0 disables it until it is enabled again.", call: MediaCommands.enableOld)
    host.command(
        "rtpproxy.list", aliases: "nh_show_rtpp", flags: APUS_RPC_READS,
        reply: "[{setid:int, url:string, index:int, disabled:int, weight:int, recheck:int}]", doc: "All proxies.",
        call: MediaCommands.list)
    host.form("nh_enable_rtpp", of: APUS_RPC_MI_TEXT, call: MediaCommands.enableForm)
    host.form("nh_show_rtpp", of: APUS_RPC_MI_TEXT, call: MediaCommands.showForm)
}

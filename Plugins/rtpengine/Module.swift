import MediaKit
import PluginKit

private let module = Module(
    "rtpengine", version: "1.0", summary: "Media by way of rtpengine", needs: "tm/1?",
    start: { MediaModule.start($0) }, worker: { MediaModule.worker($0, $1) },
    declare: { host in
        MediaModule.declare(host, .words)
        host.mediaSet("set_rtpengine_set", chains: true)
        declareSessions(host)
        declareMedia(host)
        host.mediaStatistics("rtpestat")
        host.mediaStatistics("rtpstat")
        declareCommands(host)
    })

@c(apus_module_rtpengine)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareSessions(_ host: Host) {
    host.media("rtpengine_offer", .offer, .branch, doc: "Puts the proxy's address into an offer.")
    host.media("rtpengine_answer", .answer, .branch, doc: "Puts the proxy's address into an answer.")
    host.media("rtpengine_delete", .delete, .branch, doc: "Ends the call at the proxy.")
    host.media("rtpengine_destroy", .delete, .branch, doc: "Ends the call at the proxy.")
    host.media(
        "rtpengine_manage", nil, .branch, doc: "Does what the message wants: an offer, an answer, or the call's end.")
    host.media("rtpengine_query", .query, .branch, doc: "Asks the proxy about the call: $rtpstat tells what it said.")
    host.mediaReport("rtpengine_query_v")
    host.media("rtpengine_info", .info, .branch, doc: "Shows the proxy ICE candidates that follow an offer.")
}

private func declareMedia(_ host: Host) {
    host.media("start_recording", .startRecording, .branch, doc: "Has the proxy record the call.")
    host.media("stop_recording", .stopRecording, .branch, doc: "Ends the recording of the call.")
    host.media("block_dtmf", .blockDTMF, .branch, doc: "Keeps DTMF of the sender back.")
    host.media("unblock_dtmf", .unblockDTMF, .branch, doc: "Lets DTMF of the sender through again.")
    host.media("block_media", .blockMedia, .branch, doc: "Keeps media of the sender back.")
    host.media("unblock_media", .unblockMedia, .branch, doc: "Lets media of the sender through again.")
    host.media("silence_media", .silenceMedia, .branch, doc: "Puts silence in the place of the sender's media.")
    host.media("unsilence_media", .unsilenceMedia, .branch, doc: "Ends the silence.")
    host.media("start_forwarding", .startForwarding, .branch, doc: "Has the proxy copy the sender's media elsewhere.")
    host.media("stop_forwarding", .stopForwarding, .branch, doc: "Ends the copying.")
    host.media("play_media", .playMedia, .branch, doc: "Plays to the receiver in the sender's place.")
    host.media("stop_media", .stopMedia, .branch, doc: "Ends the playing.")
    host.media("play_dtmf", .playDTMF, .branch, doc: "Plays a DTMF digit.")
}

private func declareCommands(_ host: Host) {
    host.command(
        "rtpengine.enable", aliases: "nh_enable_rtpp", arguments: "url:string, on:int", reply: "[any]",
        doc: "Enables a proxy (or all), or with 0 disables it until it is enabled again.", call: MediaCommands.enableNew
    )
    host.command(
        "rtpengine.show", aliases: "nh_show_rtpp", arguments: "url:string?", flags: APUS_RPC_READS, reply: "[any]",
        doc: "A proxy, or all.", call: MediaCommands.show)
    host.command(
        "rtpengine.ping", arguments: "url:string", reply: "[{url:string, status:string}]",
        doc: "Asks a proxy (or all) whether it is there.", call: MediaCommands.ping)
    host.command(
        "rtpengine.reload", flags: APUS_RPC_SPACED, reply: "string", doc: "Reads the table of proxies again.",
        call: MediaCommands.reload)
    host.command(
        "rtpengine.get_hash_total", flags: APUS_RPC_READS, reply: "int", doc: "Calls whose proxies are remembered.",
        call: MediaCommands.total)
    host.form("nh_enable_rtpp", of: APUS_RPC_MI_TEXT, call: MediaCommands.enableForm)
    host.form("nh_show_rtpp", of: APUS_RPC_MI_TEXT, call: MediaCommands.showForm)
}

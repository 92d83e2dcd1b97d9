import PluginKit

/// Names the module's commands for operators: those of today's doors, with older names as aliases.
func declareCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    declareRequestCommands(host, state)
    declareForms(host, state)
    host.command(
        "tm.stats", aliases: "t_stats", reads: true, doc: "Transactions and replies, counted.", state, call: statistics)
    host.command(
        "tm.hash_stats", aliases: "t_hash", reads: true,
        doc: "How evenly received requests are spread over the table of transactions.", state, call: hashStatistics)
    host.command(
        "tm.list", reads: true, doc: "All transactions, those that wait for their end included.", state,
        call: listTransactions)
    host.command(
        "tm.clean", doc: "Ends transactions whose time is over.", state, call: cleanTransactions)
    host.command(
        "tm.cancel", aliases: "t_uac_cancel", arguments: "callid:string, cseq:string",
        doc: "Cancels the INVITE of that Call-ID and CSeq number.", state, call: cancelTransaction)
    host.command(
        "tm.reply", aliases: "t_reply",
        arguments: "code:int, reason:string, id:string, to_tag:string, headers:string, body:string?",
        doc: "Answers the transaction index:label; a dot stands for no headers.", state, call: replyByIdentity)
    host.command(
        "tm.reply_callid", aliases: "t_reply_callid",
        arguments: "code:int, reason:string, callid:string, cseq:string, to_tag:string, headers:string, body:string?",
        doc: "Answers the transaction of that Call-ID and CSeq number.", state, call: replyByCallID)
    host.command(
        "tm.retransmit_reply", arguments: "id:string",
        doc: "Sends the last reply of the transaction index:label again.", state, call: retransmitByIdentity)
    host.command(
        "tm.retransmit_reply_callid", arguments: "callid:string, cseq:string",
        doc: "Sends the last reply of the transaction of that Call-ID and CSeq number again.", state,
        call: retransmitByCallID)
}

extension UnsafePointer<apus_host> {
    /// A command for operators.
    func command(
        _ name: StaticString, aliases: StaticString? = nil, arguments: StaticString = "", reads: Bool = false,
        doc: StaticString, _ state: UnsafeMutablePointer<State>,
        call: @escaping @convention(c) (UnsafePointer<apus_command>) -> CInt
    ) {
        var made = apus_rpc(
            size: UInt32(MemoryLayout<apus_rpc>.size), flags: reads ? UInt32(APUS_RPC_READS) : 0, name: name.characters,
            aliases: aliases?.characters, args: arguments.characters, doc: doc.characters, call: call, user: state)
        _ = pointee.rpc.pointee.add_command(self, &made)
    }
}

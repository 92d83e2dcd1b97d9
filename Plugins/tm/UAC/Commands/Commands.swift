import PluginKit

/// Names the module's commands for operators: those of today's doors, with older names as aliases.
func declareCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    declareRequestCommands(host, state)
    declareForms(host, state)
    declareBlockListCommands(host, state)
    host.command(
        "tm.stats", aliases: "t_stats", flags: APUS_RPC_READS,
        reply: """
            {current:int, waiting:int, total:int, total_local:int, rpl_received:int, rpl_generated:int, \
            rpl_sent:int, 6xx:int, 5xx:int, 4xx:int, 3xx:int, 2xx:int, created:int, freed:int, delayed_free:int}
            """,
        doc: "Transactions and replies, counted.", user: state, call: statistics)
    host.command(
        "tm.hash_stats", aliases: "t_hash", flags: APUS_RPC_READS,
        reply: """
            {hash_size:int, crt_transactions:int, acc_transactions:int, crt_target_per_cell:int, crt_min:int, \
            crt_max:int, crt_worst_case_extra_cells:int, crt_no_zero_cells:int, crt_no_deviating_cells:int, \
            crt_deviation_sq_sum:int}
            """,
        doc: "How evenly received requests are spread over the table of transactions.", user: state,
        call: hashStatistics)
    host.command(
        "tm.list", flags: APUS_RPC_READS,
        reply: """
            [{cell:int, tindex:int, tlabel:int, method:string, from:string, to:string, callid:string, \
            cseq:string, uas_request:string, tflags:int, outgoings:int, ref_count:int, lifetime:int}]
            """,
        doc: "All transactions, those that wait for their end included.", user: state,
        call: listTransactions)
    host.command(
        "tm.clean", doc: "Ends transactions whose time is over.", user: state, call: cleanTransactions)
    host.command(
        "tm.cancel", aliases: "t_uac_cancel", arguments: "callid:string, cseq:string",
        doc: "Cancels the INVITE of that Call-ID and CSeq number.", user: state, call: cancelTransaction)
    host.command(
        "tm.reply", aliases: "t_reply",
        arguments: "code:int, reason:string, id:string, to_tag:string, headers:string, body:string?",
        doc: "Answers the transaction index:label; a dot stands for no headers.", user: state, call: replyByIdentity)
    host.command(
        "tm.reply_callid", aliases: "t_reply_callid",
        arguments: "code:int, reason:string, callid:string, cseq:string, to_tag:string, headers:string, body:string?",
        doc: "Answers the transaction of that Call-ID and CSeq number.", user: state, call: replyByCallID)
    host.command(
        "tm.retransmit_reply", arguments: "id:string",
        doc: "Sends the last reply of the transaction index:label again.", user: state, call: retransmitByIdentity)
    host.command(
        "tm.retransmit_reply_callid", arguments: "callid:string, cseq:string",
        doc: "Sends the last reply of the transaction of that Call-ID and CSeq number again.", user: state,
        call: retransmitByCallID)
}

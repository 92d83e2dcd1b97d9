/// What the grammar knows of the functions that are there without a module: their names are keywords, and some may be written
/// without parentheses. What they take and do is declared in `CoreFunctions`.
enum CoreNames {
    static let functions: Set<String> = [
        "forward", "forward_udp", "forward_tcp", "forward_tls", "forward_sctp", "send", "send_tcp", "append_branch",
        "remove_branch", "clear_branches", "seturi", "rewriteuri", "sethost", "seth", "rewritehost", "sethostport",
        "sethp", "rewritehostport", "sethostporttrans", "sethpt", "rewritehostporttrans", "setport", "setp",
        "rewriteport", "setuser", "setu", "rewriteuser", "setuserpass", "setup", "rewriteuserpass", "prefix",
        "strip", "strip_tail", "userphone", "revert_uri", "setdsturi", "resetdsturi", "isdsturiset", "setflag",
        "resetflag", "isflagset", "setsflag", "resetsflag", "issflagset", "setbflag", "resetbflag", "isbflagset",
        "setavpflag", "resetavpflag", "isavpflagset", "route", "log", "error", "exec", "force_rport", "add_rport",
        "add_local_rport", "force_tcp_alias", "add_tcp_alias", "force_send_socket", "set_advertised_address",
        "set_advertised_port", "set_forward_no_connect", "set_reply_no_connect", "set_forward_close",
        "set_reply_close", "udp_mtu_try_proto", "cfg_select", "cfg_reset", "len_gt",
    ]

    /// A call without arguments needs no parentheses.
    static let bare: Set<String> = [
        "append_branch", "revert_uri", "force_rport", "add_rport", "add_local_rport", "force_tcp_alias",
        "add_tcp_alias", "set_forward_no_connect", "set_reply_no_connect", "set_forward_close", "set_reply_close",
    ]
}

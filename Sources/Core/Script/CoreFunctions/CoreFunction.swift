/// The functions that are there without any module, as scripts see them.
struct CoreFunction: Sendable {
    /// What it is called first; the others are older spellings.
    let name: String
    let synonyms: [String]
    /// In the syntax of `apus_function.args`, with the kinds `host`, `port` and `transport` of the core's own grammar.
    let arguments: String
    /// May be written without parentheses.
    let isBare: Bool
    /// May be called in `onsend_route`.
    let inOnsend: Bool
    let doc: String

    private init(_ row: (String, String, String, String)) {
        let names = row.0.split(separator: " ").map(String.init)
        name = names[0]
        synonyms = Array(names.dropFirst())
        arguments = row.1
        isBare = row.2.contains("b")
        inOnsend = row.2.contains("o")
        doc = row.3
    }

    /// Names; arguments; marks (b: parentheses may be left out, o: also in onsend_route); what it does.
    private static let rows: [(String, String, String, String)] = [
        (
            "forward", "host:host?, port:port?", "",
            "Forwards the request statelessly, to the next hop or to the given host."
        ),
        ("forward_udp", "host:host?, port:port?", "", "As forward, over UDP."),
        ("forward_tcp", "host:host?, port:port?", "", "As forward, over TCP."),
        ("forward_tls", "host:host?, port:port?", "", "As forward, over TLS."),
        ("forward_sctp", "host:host?, port:port?", "", "As forward, over SCTP."),
        ("send", "host:host, port:port?", "", "Sends the message as it was received, over UDP."),
        ("send_tcp", "host:host, port:port?", "", "Sends the message as it was received, over TCP."),
        (
            "append_branch", "uri:format?, q:format?", "b",
            "Adds the Request-URI, or the given one, as a further branch."
        ),
        ("remove_branch", "index:int?", "", "Removes a branch, the first one by default."),
        ("clear_branches", "", "", "Removes all branches."),
        ("seturi rewriteuri", "uri:format", "", "Replaces the Request-URI."),
        ("sethost seth rewritehost", "host:format", "", "Replaces the host of the Request-URI, keeps the port."),
        ("sethostport sethp rewritehostport", "hostport:format", "", "Replaces host and port of the Request-URI."),
        (
            "sethostporttrans sethpt rewritehostporttrans", "hostport:format", "",
            "As sethostport; drops the transport parameter."
        ),
        ("setport setp rewriteport", "port:format", "", "Replaces the port of the Request-URI."),
        ("setuser setu rewriteuser", "user:format", "", "Replaces the user of the Request-URI."),
        ("setuserpass setup rewriteuserpass", "userpass:format", "", "Replaces user and password of the Request-URI."),
        ("prefix", "text:format", "", "Puts a text before the user of the Request-URI."),
        ("strip", "count:int", "", "Removes characters from the front of the user."),
        ("strip_tail", "count:int", "", "Removes characters from the end of the user."),
        ("userphone", "", "", "Adds user=phone to the Request-URI."),
        ("revert_uri", "", "b", "Sets the Request-URI back to the one received."),
        ("setdsturi", "uri:format", "", "Sets the next hop."),
        ("resetdsturi", "", "", "Forgets the next hop."),
        ("isdsturiset", "", "", "True when a next hop is set."),
        ("setflag", "flag:flag", "o", "Sets a flag of the message."),
        ("resetflag", "flag:flag", "o", "Clears a flag of the message."),
        ("isflagset", "flag:flag", "o", "True when the message has the flag."),
        ("setsflag", "flag:int", "o", "Sets a flag of this script run."),
        ("resetsflag", "flag:int", "o", "Clears a flag of this script run."),
        ("issflagset", "flag:int", "o", "True when this script run has the flag."),
        ("setbflag", "flag:int, branch:int?", "o", "Sets a flag of a branch."),
        ("resetbflag", "flag:int, branch:int?", "o", "Clears a flag of a branch."),
        ("isbflagset", "flag:int, branch:int?", "o", "True when the branch has the flag."),
        ("setavpflag", "avp:variable, flag:avpflag", "", "Sets a flag of an AVP."),
        ("resetavpflag", "avp:variable, flag:avpflag", "", "Clears a flag of an AVP."),
        ("isavpflagset", "avp:variable, flag:avpflag", "", "True when the AVP has the flag."),
        ("route", "name:routename", "o", "Runs a route block."),
        ("log", "level:int?, text:string", "o", "Writes a text to the log."),
        ("error", "class:string, text:string", "", "Writes an error to the log."),
        ("exec", "command:string", "", "Runs a shell command and waits for it."),
        ("force_rport add_rport", "", "b", "Answers to the port the request came from."),
        ("add_local_rport", "", "b", "Asks for the same in our own Via."),
        ("force_tcp_alias add_tcp_alias", "port:int?", "b", "Uses the connection for requests to the sender, too."),
        ("force_send_socket", "socket:socket", "", "Sends from the given socket."),
        ("set_advertised_address", "host:host", "", "Host in Via and Record-Route, for this message."),
        ("set_advertised_port", "port:int", "", "Port in Via and Record-Route, for this message."),
        ("set_forward_no_connect", "", "bo", "Forwards over existing connections only."),
        ("set_reply_no_connect", "", "bo", "Replies over existing connections only."),
        ("set_forward_close", "", "bo", "Closes the connection after forwarding."),
        ("set_reply_close", "", "bo", "Closes the connection after replying."),
        ("udp_mtu_try_proto", "proto:transport", "", "Transport for messages that are too large for UDP."),
        ("cfg_select", "group:string, id:int", "", "Takes the settings of an instance of a group."),
        ("cfg_reset", "group:string", "", "Takes the group's own settings again."),
        ("len_gt", "limit:int", "", "True when the message is at least that long."),
    ]

    static let all: [CoreFunction] = rows.map(CoreFunction.init)

    /// By every name it has.
    static let named: [String: CoreFunction] = {
        var table: [String: CoreFunction] = [:]
        for function in all {
            for name in [function.name] + function.synonyms { table[name] = function }
        }
        return table
    }()
}

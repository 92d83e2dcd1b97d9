import PluginAPI

/// Changes of the Request-URI. All of them answer -1, and change nothing, in a reply and when what comes out is no URI.
extension CoreFunctions {
    static func declareURIParts(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function("seturi rewriteuri", "uri:uri", "Replaces the Request-URI.") {
            $0.coreMessage.isRequest && $0.coreMessage.setRequestURI($0.text(0)) ? 1 : $0.refuse()
        }
        try declare.function(
            "sethost seth rewritehost", "host:format", "Replaces the host of the Request-URI; the port stays."
        ) { call in
            call.rewrite { $0.host = call.text(0) }
        }
        try declare.function(
            "sethostport sethp rewritehostport", "hostport:format", "Replaces host and port of the Request-URI."
        ) { call in
            call.rewrite { $0.hostPort = call.text(0) }
        }
        try declare.function(
            "sethostporttrans sethpt rewritehostporttrans", "hostport:format",
            "Replaces host and port of the Request-URI and drops its transport."
        ) { call in
            call.rewrite {
                $0.hostPort = call.text(0)
                $0.dropsTransport = true
            }
        }
        try declare.function(
            "setport setp rewriteport", "port:format", "Replaces the port of the Request-URI; \"\" removes it."
        ) { call in
            // A telephone number has no port.
            guard call.coreMessage.requestURI?.pointee.isSIP == true else { return call.refuse() }
            return call.rewrite { $0.port = call.text(0) }
        }
        try declare.function("revert_uri", "", "Sets the Request-URI back to the one that was received.") {
            $0.coreMessage.isRequest && $0.coreMessage.setRequestURI(nil) ? 1 : -1
        }
    }

    static func declareUserParts(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function(
            "setuser setu rewriteuser", "user:format",
            "Replaces the user of the Request-URI; its password stays. \"\" removes both."
        ) { call in
            call.rewrite { $0.user = call.text(0) }
        }
        try declare.function(
            "setuserpass setup rewriteuserpass", "userpass:format",
            "Replaces user and password of the Request-URI, given as user:password."
        ) { call in
            call.rewrite { $0.userInfo = call.text(0) }
        }
        try declare.function("prefix", "text:format", "Puts a text before the user of the Request-URI.") { call in
            guard let user = call.coreMessage.requestURI?.pointee.user else { return call.refuse() }
            let text = call.text(0)
            return withUnsafeTemporaryAllocation(byteCount: text.count + user.count, alignment: 8) { memory in
                var whole = ByteWriter(memory)
                whole.write(text)
                whole.write(user)
                return call.rewrite { $0.user = whole.bytes }
            }
        }
        try declare.function(
            "strip", "count:int", "Removes so many characters from the front of the user of the Request-URI."
        ) { call in
            call.strip { $0.dropFirst($1) }
        }
        try declare.function(
            "strip_tail", "count:int", "Removes so many characters from the end of the user of the Request-URI."
        ) { call in
            call.strip { $0.prefix($0.count - $1) }
        }
        try declare.function("userphone", "", "Adds user=phone to the Request-URI.") { call in
            call.rewrite { $0.addsUserPhone = true }
        }
    }
}

extension UnsafePointer<apus_call> {
    fileprivate func rewrite(_ change: (inout URIChange) -> Void) -> CInt {
        coreMessage.rewriteRequestURI(change) ? 1 : refuse()
    }

    /// Takes characters off the user; all of it, with a log line, when there are not as many.
    fileprivate func strip(_ cut: (Bytes, Int) -> Bytes) -> CInt {
        guard let user = coreMessage.requestURI?.pointee.user, argument(0).num >= 0 else { return refuse() }
        if user.isEmpty { return 1 }
        let count = argument(0).num
        if count > Int64(user.count) {
            coreRun.logAtStatement(
                .warning, "all of the user is stripped, it is too short: ", coreMessage.requestURIText)
        }
        let rest = cut(user, Int(Swift.min(count, Int64(user.count))))
        return rewrite { $0.user = rest }
    }

    fileprivate func refuse() -> CInt {
        coreRun.logAtStatement(.error, "the Request-URI is not changed, it would be none: ", text(0))
        return -1
    }
}

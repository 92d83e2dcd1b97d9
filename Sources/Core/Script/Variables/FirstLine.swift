import PluginAPI

/// `$rm`, `$rs` and the rest of the first line.
extension CoreVariables {
    static func declareStartLine(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("rm", "The method; of a reply that of its CSeq.") {
            let message = $0.message
            return message.methodText.isEmpty ? -1 : $1.give(message.methodText, message.method.rawValue)
        }
        try declare.variable("rmid", number: true, "The method as a number.") {
            $0.message.methodText.isEmpty ? -1 : $1.give($0.message.method.rawValue)
        }
        try declare.variable("rv", "The SIP version.") { $1.give($0.message.version) }
        try declare.variable("rs", number: true, "Status code of a reply.") {
            $0.message.isRequest ? -1 : $1.give($0.message.statusCode)
        }
        try declare.variable("rsi", number: true, "Status code of a reply; 0 in a request.") {
            $1.give($0.message.statusCode)
        }
        try declare.variable("rr", "Reason phrase of a reply.") {
            $0.message.isRequest ? -1 : $1.give($0.message.reason)
        }
        try declare.variable("mt", number: true, "1 for a request, 2 for a reply.") {
            $1.give($0.message.isRequest ? 1 : 2)
        }
        try declare.variable("mts", "rq for a request, rp for a reply.") {
            $1.give($0.message.isRequest ? Bytes("rq") : Bytes("rp"))
        }
    }
}

/// The event routes that the server itself runs.
enum CoreEvents {
    static let workerOneInit = "worker-one-init"
    static let modinitBefore = "modinit-before"
    static let messageReceived = "msg-received"
    static let preRouting = "pre-routing"
    static let receiveParseError = "receive-parse-error"

    static func declare(in registry: Registry, owner: Declarer) throws(Registry.Refusal) {
        func add(_ name: String, mayWait: Bool = true, _ doc: String) throws(Registry.Refusal) {
            _ = try registry.add(event: name, doc: doc, owner: owner, mayWait: mayWait)
        }
        try add(
            workerOneInit, "Once, before the first worker takes traffic; on a made-up request. `drop` stops the start.")
        try add(
            modinitBefore, mayWait: false, "Once, before the modules are started; on a made-up request.")
        try add(
            messageReceived, mayWait: false,
            "Bytes that came in, before they are parsed, as received_route_mode says; $rcv(buf) may be assigned. `drop` throws them away."
        )
        try add(
            receiveParseError, mayWait: false,
            "A message that cannot be read, as far as it can be; it is answered afterwards where that is allowed. `drop`: no line in the log."
        )
        try add(preRouting, "A message before its main block. `drop` ends it.")
    }
}

import PluginKit
import TextDoor

private let module = Module(
    "mi_rpc", version: "1.0", summary: "Commands in their forms of the management interface, for every door",
    declare: { host in
        declare(host, "mi", doc: "Answers with the lines of a reply of the management interface.") { $0.answerLines() }
        declare(host, "mi_fifo", doc: "Answers with the text that a FIFO would give.") { $0.answerText() }
        declare(host, "mi_dg", doc: "Answers with the text that a datagram would hold.") { $0.answerText() }
        declare(host, "mi_xmlrpc", doc: "Answers with the lines of a reply in one text.") { $0.answerTree() }
    })

@c(apus_module_mi_rpc)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declare(
    _ host: Host, _ name: StaticString, doc: StaticString, _ answer: @escaping @Sendable (Inner.Reply) -> Void
) {
    host.command(name, arguments: "command:string, ...", doc: doc, user: permanent(answer)) { command in
        guard let user = command.pointee.user else { return .false }
        return Inner.execute(command, user.assumingMemoryBound(to: Inner.Answering.self).pointee)
    }
}

/// A command of the management interface that another command executes.
private final class Inner {
    typealias Answering = @Sendable (Reply) -> Void

    /// What is to be answered, on the management thread.
    struct Reply {
        let command: UnsafePointer<apus_command>
        /// With the status line.
        let text: [UInt8]

        private var lines: ArraySlice<UInt8> { text[((text.firstIndex(of: 0x0A) ?? text.count - 1) + 1)...] }

        func answerText() { add(text) }
        func answerTree() { add(Array(lines)) }
        func answerLines() { for line in lines.split(separator: 0x0A) { add(Array(line)) } }

        private func add(_ text: [UInt8]) {
            let rpc = command.pointee.host.pointee.rpc.pointee
            text.withUnsafeBufferPointer {
                rpc.add_text(command.pointee.answer, nil, apus_str(start: $0.baseAddress, count: $0.count))
            }
        }
    }

    private let deferral: UInt64
    private let isForm: Bool
    private let answer: Answering

    private init(_ deferral: UInt64, isForm: Bool, _ answer: @escaping Answering) {
        self.deferral = deferral
        self.isForm = isForm
        self.answer = answer
    }

    static func execute(_ command: UnsafePointer<apus_command>, _ answer: @escaping Answering) -> CInt {
        let host = command.pointee.host
        let deferral = host.pointee.rpc.pointee.defer(command, 0)
        guard deferral != 0, let args = command.pointee.args else { return .false }
        let texts = (0..<Int(command.pointee.count)).map { args[$0].str.bytes.map { $0 } }
        let inner = Inner(deferral, isForm: host.form(texts[0], .mi) != nil, answer)
        // `done` takes it back.
        _ = Unmanaged.passRetained(inner)
        _ = host.start(
            TextRequest(name: texts[0], arguments: Array(texts[1...])), flags: Dialect.mi.flag, parts: false,
            door: command.pointee.door, peer: command.pointee.peer, inner
        ) { host, result in
            let user = result.pointee.user.unsafelyUnwrapped
            Unmanaged<Inner>.fromOpaque(user).takeRetainedValue().take(host, result)
        }
        return .suspended
    }

    private func take(_ host: Host, _ result: UnsafePointer<apus_result>) {
        let rpc = host.pointee.rpc.pointee
        guard let command = rpc.resume(host, deferral) else { return }
        if result.pointee.code == 200 {
            var reply = ReplyText(.mi, isForm: isForm, indent: "\t")
            answer(Reply(command: command, text: reply.add(result, host)))
        } else {
            rpc.fault(command.pointee.answer, result.pointee.code, result.pointee.text)
        }
        rpc.finish(host, deferral)
    }
}

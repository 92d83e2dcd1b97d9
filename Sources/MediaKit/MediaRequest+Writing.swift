import Bencode
import PluginKit

// Invariants: as MediaRequest.

extension MediaRequest {
    /// The command as it is sent, but for its cookie. Nil when it does not fit.
    @_noLocks func write(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ wishes: Wishes, _ command: MediaCommand,
        _ description: apus_str, _ party: Party
    ) -> apus_str? {
        var writer = BencodeWriter(media.pointee.output)
        writer.beginDictionary()
        writer.text("command")
        writer.text(command.name)
        if command.showsDescription { writer.add("sdp", description) }
        writer.add("call-id", party.callID)
        writer.add("from-tag", party.fromTag)
        if !party.toTag.isEmpty { writer.add("to-tag", party.toTag) }
        if !party.branch.isEmpty { writer.add("via-branch", party.branch) }
        if !address.isEmpty { writer.add("media address", address) }
        wishes.write(&writer, fragment: command == .info && call.message.isICEFragment)
        writer.text("received-from")
        writer.beginList()
        let source = wishes.receivedFrom.isEmpty ? call.message.text(APUS_FIELD_SOURCE_IP) : wishes.receivedFrom
        let isInBrackets = source.len > 1 && source[0] == UInt8(ascii: "[")
        let bare = isInBrackets ? source[1..<source.len - 1] : source
        writer.copy(bare.index(of: UInt8(ascii: ":")) == nil ? "IP4" : "IP6")
        writer.copy(bare)
        writer.end()
        if command.hasDescription {
            // It may say that it is full, and another one is asked.
            writer.text("supports")
            writer.beginList()
            writer.text("load limit")
            writer.end()
        }
        writer.end()
        return writer.overflowed ? nil : writer.bytes.text
    }
}

extension BencodeWriter {
    fileprivate mutating func add(_ key: StaticString, _ text: apus_str) {
        self.text(key)
        copy(text)
    }
}

import PluginKit

/// An execution of a command of this module: `apus_command` of the contract.
public typealias CommandCall = UnsafePointer<apus_command>

extension UnsafePointer<apus_host> {
    /// A command, in `declare`.
    public func command(
        _ name: StaticString, _ arguments: StaticString = "", reads: Bool = false, flags: Int = 0, doc: StaticString,
        call: @escaping @convention(c) (CommandCall) -> CInt
    ) {
        func text(_ literal: StaticString) -> UnsafePointer<CChar> {
            UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
        }
        var command = apus_rpc(
            size: UInt32(MemoryLayout<apus_rpc>.size), flags: UInt32(flags | (reads ? APUS_RPC_READS : 0)),
            name: text(name), aliases: nil, args: text(arguments), doc: text(doc), call: call, user: nil)
        // A refusal is remembered by the host: `declare` fails with it.
        _ = pointee.rpc.pointee.add_command(self, &command)
    }
}

import PluginKit

// Declarations that the rooms of this module call across; each is replaced by the real one in its file.

// Client/…
extension BranchRef {
    func timeOut() { fatalError() }
    func received(_ status: Int32) { fatalError() }
    func acknowledge(_ reply: OpaquePointer) { fatalError() }
    func failOver() -> Bool { fatalError() }
    func armTimer(_ now: UInt64) { fatalError() }
}
extension UnsafeMutablePointer<LocalCancel> {
    func stop() { fatalError() }
}
extension TransactionRef {
    func addBranch() -> BranchRef? { fatalError() }
    func cancelBranches(_ mask: UInt32, reason: Int32, reasonHeaders: apus_str = apus_str()) { fatalError() }
}
/// Client/…: `tm_api.t_relay`.
let relayForModule:
    @convention(c) (
        Call, apus_str, UInt32, @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt, UnsafeMutableRawPointer?
    ) -> CInt = { _, _, _, _, _ in fatalError() }

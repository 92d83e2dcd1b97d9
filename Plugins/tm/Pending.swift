import PluginKit

// Declarations that the rooms of this module call across; each is replaced by the real one in its file.

// Client/…
extension BranchRef {
    func timeOut() { fatalError() }
}
extension TransactionRef {
    func cancelBranches(_ mask: UInt32, reason: Int32, reasonHeaders: apus_str = apus_str()) { fatalError() }
}
// Replies/…
extension TransactionRef {
    func deal(with reply: OpaquePointer, to branch: BranchRef) { fatalError() }
    func resume(_ route: OpaquePointer) { fatalError() }
}

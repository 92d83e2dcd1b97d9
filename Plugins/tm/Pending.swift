import PluginKit

// Declarations that the rooms of this module call across; each is replaced by the real one in its file.

// Server/…
extension Transaction {
    static let timerFired: @convention(c) (Host, UnsafeMutablePointer<apus_timer>) -> Void = { _, _ in fatalError() }
}
// Client/…
extension BranchRef {
    func timeOut() { fatalError() }
}
// Replies/…
extension TransactionRef {
    func deal(with reply: OpaquePointer, to branch: BranchRef) { fatalError() }
    func resume(_ route: OpaquePointer) { fatalError() }
}
// Server/…
extension TransactionRef {
    /// A new bound of the active life from its beginning on, in milliseconds.
    func setLifetime(_ milliseconds: UInt32) { fatalError() }
}

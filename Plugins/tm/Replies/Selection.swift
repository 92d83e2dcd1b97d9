import PluginKit

/// Which branches of a transaction are cancelled while a reply to one of them is dealt with.
enum BranchSelection: UInt8 {
    case all
    case others
    case this
}

extension TransactionRef {
    /// Cancels branches that have no final reply, as t_cancel_branches does in an onreply_route.
    /// - Parameter index: of the reply's branch.
    func cancelBranches(_ selection: BranchSelection, than index: UInt32) {
        let this: UInt32 = 1 &<< index
        switch selection {
        case .all: cancelBranches(0, reason: 0)
        case .others: cancelBranches(~this, reason: 0)
        case .this: cancelBranches(this, reason: 0)
        }
    }
}

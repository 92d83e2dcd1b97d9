import PluginAPI

/// The next hop and the destination set.
extension CoreFunctions {
    static func declareDestination(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function("setdsturi", "uri:uri", "Sets the next hop.") {
            $0.coreMessage.setDestinationURI($0.text(0)) ? 1 : -1
        }
        try declare.function("resetdsturi", "", "Forgets the next hop: the Request-URI says it.") {
            $0.coreMessage.setDestinationURI(nil) ? 1 : -1
        }
        try declare.function("isdsturiset", "", "True when a next hop is set.") {
            $0.coreMessage.routing.current.destination != nil ? 1 : -1
        }
    }

    static func declareBranches(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function(
            "append_branch", "uri:format?, q:format?", routes: RouteKind.request.mask | RouteKind.failure.mask,
            "Adds the Request-URI with its next hop, or the given URI, as a further branch; q is 0 to 1."
        ) { $0.appendBranch() }
        try declare.function("remove_branch", "index:int?", "Removes a branch, the first one without an index.") {
            let index = $0.has(0) ? $0.argument(0).num : 0
            return $0.coreMessage.removeBranch(at: Int(truncatingIfNeeded: index)) ? 1 : -1
        }
        try declare.function("clear_branches", "", "Removes all branches.") {
            $0.coreMessage.removeBranches()
            return 1
        }
    }
}

extension UnsafePointer<apus_call> {
    /// Without a URI the new branch is what the Request-URI is now, with all that goes with it, and the Request-URI is not to be sent to
    /// twice; next hop, path, socket and branch flags have gone with the branch. With one, these are used for both.
    fileprivate func appendBranch() -> CInt {
        let message = coreMessage
        guard message.isRequest else { return -1 }
        let movesCurrent = text(0).isEmpty
        var branch = message.currentBranch
        if !movesCurrent {
            branch.uri = text(0)
            branch.q = -1
            branch.instance = nil
            branch.ruid = nil
            branch.locationUserAgent = nil
        }
        if has(1) {
            guard let q = text(1).qValue else {
                coreRun.logAtStatement(.error, "q is not between 0 and 1: ", text(1))
                return -1
            }
            branch.q = q
        }
        guard message.appendBranch(branch) else {
            coreRun.logAtStatement(.error, "no branch is added: there are too many, or it has no URI: ", branch.uri)
            return -1
        }
        if movesCurrent {
            message.clearAttributes()
            // With a q of its own the branch is not what the Request-URI is.
            if !has(1) { message.routing.isNew = false }
        }
        return 1
    }
}

import PluginAPI

/// The pseudo-variables that every script has without a module. Each is declared in the registry like a module's, as C functions over the
/// access, so that the compiler and the machine know one kind of variable only. One file a subject.
///
/// A value with text and number (`$rp`, `$rm`) is a text that knows its number: it compares and joins as text. One with a number only
/// (`$rs`, `$ml`) compares as a number and is printed when a text is wanted.
enum CoreVariables {
    /// Declares them all.
    static func declare(in registry: Registry, owner: Declarer) throws(Registry.Refusal) {
        let declare = Declaring(registry: registry, owner: owner)
        try declareConstants(declare)
        try declareRunVariables(declare)
        try declareSharedVariables(declare)
        try declareAVPs(declare)
        try declareXAVPs(declare)
        try declareRequestURI(declare)
        try declareNextHop(declare)
        try declareFromTo(declare)
        try declareStartLine(declare)
        try declareHeaders(declare)
        try declareHeaderLists(declare)
        try declareIdentities(declare)
        try declareCredentials(declare)
        try declareMessageParts(declare)
        try declareFlags(declare)
        try declareSource(declare)
        try declareReceiver(declare)
        try declareSending(declare)
        try declareBranches(declare)
        try declareVias(declare)
        try declareTimes(declare)
        try declareOnsend(declare)
        try declareServer(declare)
        try declareSelects(declare)
    }

    /// Where the subjects put their variables.
    struct Declaring {
        let registry: Registry
        let owner: Declarer

        /// - Parameters:
        ///   - names: a variable and its aliases, parted by blanks.
        ///   - inner: as `apus_pv.inner`.
        ///   - dynamic: the inner name may be a pseudo-variable.
        ///   - number: its value is never a text.
        func variable(
            _ names: String, inner: String? = nil, indexed: Bool = false, dynamic: Bool = false, number: Bool = false,
            _ doc: String, get: @escaping VariableDeclaration.Get, set: VariableDeclaration.Set? = nil
        ) throws(Registry.Refusal) {
            var flags: UInt32 = 0
            if indexed { flags |= UInt32(APUS_PV_INDEXED) }
            if dynamic { flags |= UInt32(APUS_PV_DYNAMIC) }
            if number { flags |= UInt32(APUS_PV_NUMBER) }
            for name in names.split(separator: " ").map(String.init) {
                try registry.add(
                    VariableDeclaration(
                        owner: owner, name: name, inner: InnerNameRule(inner), flags: flags, doc: doc, get: get,
                        set: set, user: nil))
            }
        }
    }
}

import PluginAPI

/// `$hfl(name)`: the values of comma-separated headers, over all lines of that name.
extension CoreVariables {
    static func declareHeaderLists(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "hfl", inner: "*", indexed: true, dynamic: true,
            "One value of the headers of that name, commas parting values as well as lines do."
        ) { access, out in
            let list = HeaderList(access.message, access.inner)
            guard !access.wantsAll else { return out.giveHeader(access) }
            guard let place = access.place(in: list.count) else { return -1 }
            return out.give(list.value(at: place))
        }
        try declare.variable(
            "hflc", inner: "*", dynamic: true, number: true, "How many values the headers of that name have."
        ) {
            $1.give(HeaderList($0.message, $0.inner).count)
        }
    }
}

/// The values of all headers of a name. Those whose values hold no lists (Call-ID, dates …) count by lines.
private struct HeaderList {
    let message: Message
    let name: Bytes
    private let isList: Bool

    init(_ message: Message, _ name: Bytes) {
        self.message = message
        self.name = name
        switch HeaderName.id(of: name) {
        case .via, .route, .recordRoute, .contact, .path, .serviceRoute, .pAssertedIdentity, .pPreferredIdentity,
            .diversion, .historyInfo, .remotePartyID, .supported, .require, .proxyRequire, .unsupported, .allow,
            .allowEvents, .accept, .acceptEncoding, .acceptLanguage, .alertInfo, .callInfo, .errorInfo, .inReplyTo,
            .warning, .pAssociatedURI, .reason:
            isList = true
        default: isList = false
        }
    }

    /// Calls `body` with each value until it answers false.
    @inline(__always)
    private func forEach(_ body: (Bytes) -> Bool) {
        var next = message.headerIndex(named: name, from: 0)
        while let index = next {
            let text = message.value(of: message.header(at: index))
            if isList {
                var at = 0
                while let value = text.nextListElement(&at) {
                    if !value.isEmpty, !body(value) { return }
                }
            } else if !body(text) {
                return
            }
            next = message.headerIndex(named: name, from: index &+ 1)
        }
    }

    var count: Int {
        var count = 0
        forEach { _ in
            count &+= 1
            return true
        }
        return count
    }

    /// Precondition: 0 <= place < count.
    func value(at place: Int) -> Bytes? {
        var rest = place
        var found: Bytes?
        forEach {
            if rest == 0 { found = $0 }
            rest &-= 1
            return found == nil
        }
        return found
    }
}

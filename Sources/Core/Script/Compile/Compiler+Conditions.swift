import PluginAPI

/// Condition words: `method == "INVITE"`, `uri == myself`, `src_ip == 10.0.0.0/8`.
extension Compiler {
    func condition(_ condition: Syntax.Condition) -> StaticType {
        let word = condition.word
        if word.isOnsendOnly, !sendsOnly {
            // The peers refuse the addresses and take the others.
            let isRefused = word == .sendAddress || word == .toAddress
            diagnostics.add(
                Diagnostic(
                    isRefused ? .error : .warning, "`\(condition.name.text)` is known in `onsend_route` only",
                    at: condition.name.range, hint: "elsewhere nothing is being sent yet"))
            if isRefused { return finish(.truth) }
        }
        var compiled = CompiledCondition(
            evaluate: Conditions.never, takesValue: false, relation: relation(condition.operator), end: end(of: word),
            value: .null, data: nil)
        switch condition.operand {
        case .myself: compiled.evaluate = myself(word)
        case .host(let host): address(host, word, &compiled)
        case .transport(let transport):
            compiled.evaluate = Conditions.transport
            compiled.value = apus_value(Int64(TransportNames.number(of: memory.text(transport.rawValue).bytes)))
        case .expression(let operand):
            if case .expression = condition.operand, word.kind == .number { number(operand, word, &compiled) }
            if word.kind != .number { text(operand, word, &compiled) }
        }
        conditions.append(compiled)
        emitter.emit(.condition, c: Int32(conditions.count - 1), effect: compiled.takesValue ? 0 : 1)
        return .truth
    }

    /// The block runs while something is being sent, and then only.
    private var sendsOnly: Bool {
        route.kind == .onsend || (!route.name.isEmpty && route.reached == RouteKind.onsend.mask)
    }

    private func end(of word: Syntax.Condition.Word) -> Conditions.End {
        switch word {
        case .destinationPort, .destinationAddress: .destination
        case .sendAddress, .sendPort, .sendTransport, .sendFamily: .sentFrom
        case .toAddress, .toPort, .toTransport, .toFamily: .sentTo
        default: .source
        }
    }

    private func finish(_ type: StaticType) -> StaticType {
        push(0 as Int64)
        return type
    }

    private func relation(_ operation: Syntax.BinaryOperator) -> UInt8 {
        switch operation {
        case .notEqual, .stringNotEqual, .integerNotEqual: Conditions.Relation.notEqual
        case .matches: Conditions.Relation.matches
        case .matchesNot: Conditions.Relation.matchesNot
        case .less: Conditions.Relation.less
        case .greater: Conditions.Relation.greater
        case .lessOrEqual: Conditions.Relation.lessOrEqual
        case .greaterOrEqual: Conditions.Relation.greaterOrEqual
        default: Conditions.Relation.equal
        }
    }

    // MARK: Right sides

    private func number(_ operand: Expression, _ word: Syntax.Condition.Word, _ compiled: inout CompiledCondition) {
        switch word {
        case .sourcePort, .destinationPort, .sendPort, .toPort: compiled.evaluate = Conditions.port
        case .messageLength: compiled.evaluate = Conditions.messageLength
        default: compiled.evaluate = Conditions.addressFamily
        }
        switch fold(operand) {
        case .int(let number)?: compiled.value = apus_value(number)
        case .text(let bytes)?:
            guard let number = Int64(String(decoding: bytes, as: UTF8.self)) else {
                diagnostics.error("expected a number", at: operand.range, hint: word.usage(word.rawValue))
                return
            }
            compiled.value = apus_value(number)
        case nil:
            value(operand)
            compiled.takesValue = true
        }
    }

    private func text(_ operand: Expression, _ word: Syntax.Condition.Word, _ compiled: inout CompiledCondition) {
        switch word {
        case .method: compiled.evaluate = Conditions.method
        case .uri: compiled.evaluate = Conditions.uri
        case .fromURI: compiled.evaluate = Conditions.fromURI
        case .toURI: compiled.evaluate = Conditions.toURI
        case .transport, .sendTransport, .toTransport: compiled.evaluate = Conditions.transportText
        default: compiled.evaluate = Conditions.addressText
        }
        let searches =
            compiled.relation == Conditions.Relation.matches || compiled.relation == Conditions.Relation.matchesNot
        if searches, case .text(let pattern) = operand.kind {
            if let regex = regex(pattern, .dotAll) { compiled.data = UnsafeRawPointer(regex) }
            return
        }
        switch fold(operand) {
        case .text(let bytes)?: compiled.value = apus_value(memory.text(bytes))
        case .int(let number)?: compiled.value = apus_value(memory.text(String(number)))
        case nil:
            value(operand)
            compiled.takesValue = true
        }
    }

    private func myself(_ word: Syntax.Condition.Word) -> CompiledCondition.Evaluate {
        switch word {
        case .uri: Conditions.uriIsMyself
        case .fromURI: Conditions.fromURIIsMyself
        case .toURI: Conditions.toURIIsMyself
        default: Conditions.addressIsMyself
        }
    }

    /// An address or net, or a name that is looked up now and again later.
    private func address(_ host: Syntax.Host, _ word: Syntax.Condition.Word, _ compiled: inout CompiledCondition) {
        compiled.evaluate = Conditions.isInNets
        var nets: [Conditions.Net] = []
        switch host.form {
        case .ipv4, .ipv6, .net:
            if let net = Conditions.Net(host.text) { nets.append(net) }
        case .any: nets = [Conditions.Net("0.0.0.0/0"), Conditions.Net("::/0")].compactMap { $0 }
        case .name:
            let addresses = resolve(host.text)
            if addresses.isEmpty {
                diagnostics.warning(
                    "`\(host.text)` has no address: this comparison never matches", at: host.range,
                    hint: "write the address")
            }
            compiled.evaluate = Conditions.isOfHost
            compiled.data = UnsafeRawPointer(hostNames.add(host.text, addresses))
            return
        }
        let table = Conditions.Nets(start: UnsafePointer(memory.table(nets)), count: nets.count)
        compiled.data = UnsafeRawPointer(memory.place(table))
    }
}

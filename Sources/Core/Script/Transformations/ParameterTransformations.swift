import PluginAPI

/// `{param.…}` over texts such as `a=b;c=d`.
extension Transformations {
    static func declareParameters(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("param.value", [.text, .character], required: 1, "name[,separator]") {
            $0.onText($1, $2) { call, text in
                guard let name = call.text(0), let parameters = call.parameters(text, 1) else { return -1 }
                return call.give(parameters.first(name)?.value ?? .empty)
            }
        }
        try declare.operation("param.in", [.text, .character], required: 1, "name[,separator]") {
            $0.onText($1, $2) { call, text in
                guard let name = call.text(0), let parameters = call.parameters(text, 1) else { return -1 }
                return call.give(parameters.first(name) == nil ? 0 : 1)
            }
        }
        try declare.operation("param.valueat", [.int, .character], required: 1, "index[,separator]") {
            $0.onText($1, $2) { call, text in
                guard let parameters = call.parameters(text, 1), let index = call.int(0) else { return -1 }
                return call.give(parameters.parameter(at: index)?.value ?? .empty)
            }
        }
        try declare.operation("param.name", [.int, .character], required: 1, "index[,separator]") {
            $0.onText($1, $2) { call, text in
                guard let parameters = call.parameters(text, 1), let index = call.int(0) else { return -1 }
                return call.give(parameters.parameter(at: index)?.name ?? .empty)
            }
        }
        try declare.operation("param.count", [.character], required: 0, "[,separator]") {
            $0.onText($1, $2) { call, text in
                guard let parameters = call.parameters(text, 0) else { return -1 }
                return call.give(parameters.count)
            }
        }
    }
}

extension TransformationCall {
    /// The parameters of a text, parted by `;` or by what the argument at `index` says.
    fileprivate func parameters(_ text: Bytes, _ index: Int) -> Parameters? {
        guard has(index) else { return Parameters(text) }
        return separator(index).map { Parameters(text, separator: $0.byte) }
    }
}

extension Parameters {
    fileprivate var count: Int64 {
        var count: Int64 = 0
        var rest = self
        while rest.next() != nil { count += 1 }
        return count
    }

    /// Negative places count from the end.
    fileprivate func parameter(at place: Int64) -> Parameter? {
        var left = place < 0 ? place &+ count : place
        guard left >= 0 else { return nil }
        var rest = self
        while let parameter = rest.next() {
            if left == 0 { return parameter }
            left -= 1
        }
        return nil
    }
}

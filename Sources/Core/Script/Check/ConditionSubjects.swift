/// What conditions are about, so that two that may exclude each other are known: the method, a variable, what a function looks at.
enum ConditionSubjects {
    static func of(_ expression: Syntax.Expression) -> Set<String> {
        var found: Set<String> = []
        SyntaxWalk.expressions(in: expression) { part in
            switch part.kind {
            case .condition(let condition): found.insert(name(condition.word.rawValue))
            case .variable(let variable): found.insert(name(variable.name.text))
            case .call(let call): found.insert(name(call.name.text))
            case .select(let select):
                if case .name(let first)? = select.parts.first { found.insert(name(first)) }
            default: break
            }
        }
        return found
    }

    /// One name for what is said in several ways.
    private static func name(_ text: String) -> String {
        switch text {
        case "method", "is_method", "rm": "method"
        case "uri", "ru", "rU", "rd", "rp", "ruri", "is_uri_host_local", "is_myself": "uri"
        case "src_ip", "si", "src": "src_ip"
        default: text
        }
    }
}

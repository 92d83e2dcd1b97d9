/// The words behind `#!` and `!!`.
enum Directive {
    enum Kind: Sendable {
        case define, tryDefine, redefine
        case undefine, tryUndefine
        case defineExpression, defineExpressionQuoted
        case defineEnvironment, defineEnvironmentQuoted, tryDefineEnvironment, tryDefineEnvironmentQuoted
        case ifDefined, ifNotDefined, ifExpression, orElse, endIf
        case substitute, substituteDefine, substituteDefineQuoted
        case includeFile, importFile
    }

    static let words: [String: Kind] = [
        "define": .define, "def": .define, "trydefine": .tryDefine, "trydef": .tryDefine, "redefine": .redefine,
        "redef": .redefine, "undef": .undefine, "undefine": .undefine, "tryundef": .tryUndefine,
        "tryundefine": .tryUndefine, "defexp": .defineExpression, "defexps": .defineExpressionQuoted,
        "defenv": .defineEnvironment, "defenvs": .defineEnvironmentQuoted, "trydefenv": .tryDefineEnvironment,
        "trydefenvs": .tryDefineEnvironmentQuoted, "ifdef": .ifDefined, "ifndef": .ifNotDefined, "ifexp": .ifExpression,
        "else": .orElse, "endif": .endIf, "subst": .substitute, "substdef": .substituteDefine,
        "substdefs": .substituteDefineQuoted, "include_file": .includeFile, "import_file": .importFile,
    ]

    static let markers: [String: Syntax.Dialect] = [
        "SER": .ser, "KAMAILIO": .kamailio, "OPENSER": .kamailio, "MAXCOMPAT": .maximal, "ALL": .maximal,
    ]

    static func isKnown(_ word: String) -> Bool { words[word] != nil }

    static func isMarker(_ word: String) -> Bool { markers[word] != nil }

    static func isConditional(_ word: String) -> Bool {
        switch words[word] {
        case .ifDefined, .ifNotDefined, .ifExpression, .orElse, .endIf: true
        default: false
        }
    }

    /// True when a define comes into being by it.
    static func defines(_ word: String) -> Bool {
        switch words[word] {
        case .define, .tryDefine, .redefine, .defineExpression, .defineExpressionQuoted, .defineEnvironment,
            .defineEnvironmentQuoted, .tryDefineEnvironment, .tryDefineEnvironmentQuoted:
            true
        default: false
        }
    }
}

import PluginKit
import RoutingKit

private let module = Module("pv", version: "1.0", summary: "Tests on pseudo-variables; work with XAVPs") { host in
    host.function("pv_isset", "variable:variable", doc: "Whether the variable is not $null.", call: isSet)
    host.function("pv_unset", "variable:writable", doc: "Assigns $null to the variable.", call: unset)
    host.function("is_int", "variable:variable", doc: "Whether the variable holds a number.", call: isNumber)
    host.function(
        "typeof", "variable:variable, type:word(int|str|null)", doc: "Whether the variable's value is of that type.",
        call: isOfType)
    host.function(
        "not_empty", "variable:variable", doc: "Whether the variable holds a text of at least one character.",
        call: isNotEmpty)
    host.function(
        "pv_evalx", "variable:writable, text:format",
        doc: "Expands the text, and what came of that once more, into the variable.", call: evaluateTwice)
    declareParameters(host)
    declarePreparedBranch(host)
    declareXAVPs(host)
    declareExplosions(host)
    declareScriptVariables(host)
}

@c(apus_module_pv)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

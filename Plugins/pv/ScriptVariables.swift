import PluginKit
import RoutingKit

/// Functions between `$var` and `$xavp`, and those that show values to a script's author.
func declareScriptVariables(_ host: Host) {
    host.function(
        "pv_var_to_xavp", "variable:format, name:format",
        doc: "Makes a value whose field is a $var, or with * whose fields are all of them.", call: variablesToXAVP)
    host.function(
        "pv_xavp_to_var", "name:format", doc: "Sets the $var named as the fields of a value.", call: xavpToVariables)
    host.function("pv_xavp_print", doc: "Writes all $xavp to the log, at level info.") { show($0, APUS_XAVP, "$xavp") }
    host.function("pv_xavu_print", doc: "Writes all $xavu to the log, at level info.") { show($0, APUS_XAVU, "$xavu") }
    host.function("pv_xavi_print", doc: "Writes all $xavi to the log, at level info.") { show($0, APUS_XAVI, "$xavi") }
}

extension UnsafePointer<apus_call> {
    /// Each `$var` of the script with its name, as long as `visit` is true.
    fileprivate func eachVariable(_ visit: (OpaquePointer, apus_str) -> Bool) {
        var number: UInt32 = 0
        var name = apus_str()
        while let variable = host.pointee.vars.pointee.script_variable(self, number, &name), visit(variable, name) {
            number += 1
        }
    }

    fileprivate func variable(named wanted: apus_str) -> OpaquePointer? {
        var found: OpaquePointer?
        eachVariable { variable, name in
            if name.equals(wanted) { found = variable }
            return found == nil
        }
        return found
    }
}

/// `pv_var_to_xavp(variable, name)`: the first value of that name is replaced.
private func variablesToXAVP(_ call: Call) -> CInt {
    let wanted = call.text(0)
    let all = wanted.equals("*")
    guard all || call.variable(named: wanted) != nil else { return .false }
    let values = call.xavps()
    if let old = values.find(call.text(1)) { values.remove(old) }
    guard let fields = values.add(call.text(1)).flatMap({ values.fields(of: $0) }) else { return .false }
    var isWhole = true
    call.eachVariable { variable, name in
        var value = apus_value()
        guard all || name.equals(wanted), call.host.pointee.vars.pointee.get(call, variable, &value) > 0 else {
            return true
        }
        isWhole = fields.add(name, value) != nil
        return isWhole
    }
    return isWhole ? .true : .false
}

/// `pv_xavp_to_var(name)`: fields that name no variable of the script are passed over, as nobody could read these.
private func xavpToVariables(_ call: Call) -> CInt {
    let values = call.xavps()
    guard let fields = values.find(call.text(0)).flatMap({ values.fields(of: $0) }) else { return .false }
    var next = fields.first
    while let field = next {
        let facts = fields.facts(field)
        if let variable = call.variable(named: facts.name) {
            var value = facts.value
            guard call.host.pointee.vars.pointee.set(call, variable, &value) > 0 else { return .false }
        }
        next = fields.next(field)
    }
    return .true
}

/// One line, since many would be held back: `$xavp(name) = value, $xavp(name=>field) = value`.
private func show(_ call: Call, _ kind: Int, _ family: apus_str) -> CInt {
    let values = call.xavps(kind)
    var size = 16
    values.eachValue { list, facts in size += family.len + list.len + facts.name.len + facts.value.str.len + 40 }
    guard var line = call.writer(size) else { return .false }
    values.eachValue { list, facts in
        if line.count > 0 { line.add(", ") }
        line.add(family)
        line.add("(")
        line.add(list)
        if !list.isEmpty { line.add("=>") }
        line.add(facts.name)
        line.add(") = ")
        if facts.value.isText { line.add(facts.value.str) } else { line.add(number: facts.value.num) }
    }
    if line.count == 0 {
        line.add("no ")
        line.add(family)
    }
    call.log(.info, line.text)
    return .true
}

extension XAVPs {
    /// Each value that is no list, with the name of the list that it is a field of.
    fileprivate func eachValue(in list: apus_str = "", _ visit: (apus_str, apus_xavp_facts) -> Void) {
        var next = first
        while let value = next {
            let facts = facts(value)
            if let fields = fields(of: value) {
                fields.eachValue(in: facts.name, visit)
            } else {
                visit(list, facts)
            }
            next = self.next(value)
        }
    }
}

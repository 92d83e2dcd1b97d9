import PluginKit

/// `pv_isset($x)`
func isSet(_ call: Call) -> CInt { call.value(0) != nil ? .true : .false }

/// `pv_unset($x)`
func unset(_ call: Call) -> CInt { call.set(0, apus_value()) }

/// `is_int($x)`
func isNumber(_ call: Call) -> CInt { call.value(0)?.isInt == true ? .true : .false }

/// `typeof($x, "int")`: a number that knows its text, such as $sp, is an int.
func isOfType(_ call: Call) -> CInt {
    let value = call.value(0)
    switch call.int(1) {
    case 0: return value?.isInt == true ? .true : .false
    case 1: return value?.isInt == false && value?.isText == true ? .true : .false
    default: return value == nil ? .true : .false
    }
}

/// `not_empty($x)`
func isNotEmpty(_ call: Call) -> CInt {
    guard let value = call.value(0) else { return .false }
    return value.isText && !value.str.isEmpty ? .true : .false
}

/// `pv_evalx($x, "text")`: what stands in the text's pseudo-variables is a text with pseudo-variables itself.
func evaluateTwice(_ call: Call) -> CInt {
    var text = apus_str()
    guard call.host.pointee.vars.pointee.expand_text(call, call.text(1), &text) > 0 else { return .false }
    return call.set(0, apus_value(text))
}

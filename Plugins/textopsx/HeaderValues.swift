import PluginKit
import RoutingKit

/// `append_hf_value(name[index], value)`: behind that value; without an index, or such a value, as a new last header.
func appendValue(_ call: Call) -> CInt {
    let (path, message) = (call.path, call.message)
    guard path.index != 0, let found = message.value(path.name, at: path.index) else {
        return call.edited(message.add(path.name, call.text(1), inFront: false, call))
    }
    return call.appendValue(behind: found)
}

/// `insert_hf_value(name[index], value)`: before that value; without an index, or any value, as a new first header.
func insertValue(_ call: Call) -> CInt {
    let (path, message) = (call.path, call.message)
    guard path.index != 0, let found = message.value(path.name, at: path.index) else {
        guard path.index == 0 || path.index == 1 else { return .false }
        return call.edited(message.add(path.name, call.text(1), inFront: true, call))
    }
    guard var text = call.writer(call.text(1).len + 1) else { return .false }
    text.add(call.text(1))
    text.add(",")
    return call.edited(message.insert(text.text, at: found.s.unsafelyUnwrapped))
}

/// `assign_hf_value(name[index].parameter, value)`
func assignValue(_ call: Call) -> CInt {
    call.editValues { value in
        guard call.path.parameter.isNull else { return call.assignParameter(value, .semicolons) }
        return call.edited(call.message.replace(value, with: call.text(1)))
    }
}

/// `assign_hf_value2(name[index].parameter, value)`: of headers that are no lists.
func assignHeader(_ call: Call) -> CInt {
    call.editHeaders { header in
        guard call.path.parameter.isNull else { return call.assignParameter(header.value, .commas) }
        return call.edited(call.message.replace(header.value, with: call.text(1)))
    }
}

/// `remove_hf_value(name[index].parameter)`
func removeValue(_ call: Call) -> CInt {
    call.editValues { value in
        guard call.path.parameter.isNull else { return call.removeParameter(value, .semicolons) }
        return call.message.api.pointee.remove_value(call.pointee.msg, value) > 0 ? .true : .false
    }
}

/// `remove_hf_value2(name[index].parameter)`
func removeHeader(_ call: Call) -> CInt {
    call.editHeaders { header in
        guard call.path.parameter.isNull else { return call.removeParameter(header.value, .commas) }
        var header = header
        return call.message.remove(&header) ? .true : .false
    }
}

/// `include_hf_value(name, value)`: adds the value to the list when it is not there.
func includeValue(_ call: Call) -> CInt {
    let (name, message) = (call.path.name, call.message)
    guard !call.text(1).isEmpty else { return .false }
    guard !message.lists(call.text(1), in: name) else { return .true }
    var last: apus_str?
    if let header = message.find(name) {
        var rest = header.value
        while let value = rest.nextElement() { if !value.isEmpty { last = value } }
    }
    guard let last else { return call.edited(message.add(name, call.text(1), inFront: false, call)) }
    return call.appendValue(behind: last)
}

/// `exclude_hf_value(name, value)`: takes the value out of the list. True when it is not there any more.
func excludeValue(_ call: Call) -> CInt {
    guard !call.text(1).isEmpty else { return .false }
    var isGone = true
    call.message.eachValue(call.path.name) { value in
        if value.equalsIgnoringCase(call.text(1)) {
            isGone = call.message.api.pointee.remove_value(call.pointee.msg, value) > 0 && isGone
        }
        return true
    }
    return isGone ? .true : .false
}

/// `hf_value_exists(name, value)`
func isListed(_ call: Call) -> CInt {
    !call.text(1).isEmpty && call.message.lists(call.text(1), in: call.path.name) ? .true : .false
}

extension Message {
    /// Whether it is one of the values of the headers of that name. In a value out of a select, `_` stands for `-` as well.
    func lists(_ wanted: apus_str, in name: apus_str, inSelect: Bool = false) -> Bool {
        var isFound = false
        eachValue(name) {
            isFound = $0.isNamed(wanted, inSelect: inSelect)
            return !isFound
        }
        return isFound
    }
}

extension UnsafePointer<apus_call> {
    fileprivate func appendValue(behind value: apus_str) -> CInt {
        guard var text = writer(text(1).len + 1) else { return .false }
        text.add(",")
        text.add(self.text(1))
        return edited(message.insert(text.text, at: value.end))
    }
}

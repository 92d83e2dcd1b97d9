extension Modules {
    /// Sets the parameters that old globals stand for (`fifo` of SER is mi_fifo's), and loads their modules.
    func apply(_ settings: Settings) {
        for parameter in settings.moduleParameters {
            if module(named: parameter.module) == nil { load(parameter.module, at: parameter.range) }
            guard module(named: parameter.module) != nil else { continue }
            let value = parameter.value.parameterValue(PermanentText.bytes)
            set(parameter.module, parameter.name, value, at: parameter.range)
        }
    }
}

extension Settings.Value {
    /// As a parameter of a module takes it.
    func parameterValue(_ keep: Modules.Keep) -> ParameterDeclaration.Value {
        switch self {
        case .number(let number): .number(number)
        case .text(let text): .text(keep(Array(text.utf8)))
        }
    }
}

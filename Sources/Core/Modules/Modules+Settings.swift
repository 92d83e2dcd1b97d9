extension Modules {
    /// Sets the parameters that old globals stand for (`fifo` of SER is mi_fifo's), and loads their modules.
    func apply(_ settings: Settings) {
        for parameter in settings.moduleParameters {
            if module(named: parameter.module) == nil { load(parameter.module, at: parameter.range) }
            guard module(named: parameter.module) != nil else { continue }
            let value: ParameterDeclaration.Value
            switch parameter.value {
            case .number(let number): value = .number(number)
            case .text(let text): value = .text(PermanentText.bytes(text))
            }
            set(parameter.module, parameter.name, value, at: parameter.range)
        }
    }
}

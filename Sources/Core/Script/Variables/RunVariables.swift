import PluginAPI

// Invariants: `run.variables` is nil or has `runVariableCount` values in the run's arena; the compiler gives `$var(x)` and `$vz(x)` one number,
// `$vn(x)` another, all below that count.

/// `$var`, `$vz`, `$vn`: values of one run.
extension CoreVariables {
    static func declareRunVariables(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "var vz", inner: "*", "A variable of this run; 0 until it is set, and again when it is set to $null.",
            get: getRunVariable
        ) { access, value in
            CoreVariables.setRunVariable(access, value.pointee.isNull ? apus_value(0 as Int64) : value.pointee)
        }
        try declare.variable("vn", inner: "*", "A variable of this run; $null until it is set.", get: getRunVariable) {
            CoreVariables.setRunVariable($0, $1.pointee)
        }
    }

    private static let getRunVariable: VariableDeclaration.Get = { access, out in
        let run = access.run
        let index = Int(access.pointee.inner_id)
        // Nothing was written yet: the defaults.
        guard let variables = run.pointee.variables else {
            return out.give(run.pointee.image.pointee.runVariableDefaults[index])
        }
        return out.give(variables[index])
    }

    /// Whether it is the value of one of them, as it is: what the machine reads and writes without asking.
    static func isRunVariable(_ variable: CompiledVariable) -> Bool {
        variable.transformationCount == 0 && isKeptByRun(variable)
    }

    /// Whether it is one of them, transformed or not.
    static func isKeptByRun(_ variable: CompiledVariable) -> Bool {
        unsafeBitCast(variable.get, to: UnsafeRawPointer.self)
            == unsafeBitCast(getRunVariable, to: UnsafeRawPointer.self)
    }

    private static func setRunVariable(_ access: UnsafePointer<apus_access>, _ value: apus_value) -> CInt {
        guard let variables = access.run.allVariables else { return -1 }
        variables[Int(access.pointee.inner_id)] = value
        return 1
    }
}

extension UnsafeMutablePointer<Run> {
    /// The run's variables, made when they are first needed; nil when memory is out.
    fileprivate var allVariables: UnsafeMutablePointer<apus_value>? {
        if let variables = pointee.variables { return variables }
        let count = pointee.image.pointee.runVariableCount
        guard let place = allocate(count * MemoryLayout<apus_value>.stride) else { return nil }
        let variables = place.bindMemory(to: apus_value.self, capacity: count)
        variables.initialize(from: pointee.image.pointee.runVariableDefaults, count: count)
        pointee.variables = variables
        return variables
    }
}

import Glibc
import PluginAPI

// Invariants: an access lives on this stack for the getter's call; texts that it gives live for the run.

extension UnsafeMutablePointer<Run> {
    /// The variable's value now; false when it is null.
    func read(_ variable: UnsafePointer<CompiledVariable>, into value: UnsafeMutablePointer<apus_value>) -> Bool {
        var access = bareAccess(to: variable)
        guard prepare(&access, for: variable) else { return false }
        guard variable.pointee.get(&access, value) > 0, !value.pointee.isNull else {
            return variable.pointee.transformationCount > 0 && transform(variable, &access, value)
        }
        if variable.pointee.transformationCount == 0 { return true }
        return transform(variable, &access, value)
    }

    /// `vars->read_on`: the variable's value as another message has it; false when it is null. A text is copied into the run, since that
    /// message may end before.
    func read(
        _ variable: UnsafePointer<CompiledVariable>, on message: Message, into value: UnsafeMutablePointer<apus_value>
    ) -> Bool {
        let own = pointee.message
        pointee.message = message
        let isThere = read(variable, into: value)
        pointee.message = own
        guard isThere else { return false }
        guard value.pointee.hasText, message.record != own.record else { return true }
        guard let copy = copy(value.pointee.str) else { return false }
        value.pointee.str = copy
        return true
    }

    private func transform(
        _ variable: UnsafePointer<CompiledVariable>, _ access: inout apus_access,
        _ value: UnsafeMutablePointer<apus_value>
    ) -> Bool {
        guard let steps = variable.pointee.transformations else { return true }
        for index in 0..<variable.pointee.transformationCount {
            guard steps[index].apply(&access, steps + index, value) > 0 else {
                logAtStatement(.debug, "a transformation found nothing to work on: ", variable.pointee.text.bytes)
                return false
            }
        }
        return !value.pointee.isNull
    }

    /// Assigns; false (with a log line) when the variable refuses the value.
    func assign(_ value: UnsafePointer<apus_value>, to variable: UnsafePointer<CompiledVariable>) -> Bool {
        guard !value.pointee.hasFailed, let set = variable.pointee.set else {
            logAtStatement(.error, "nothing is assigned, the expression failed: ", variable.pointee.text.bytes)
            return false
        }
        var access = bareAccess(to: variable)
        guard prepare(&access, for: variable), set(&access, value) > 0 else {
            logAtStatement(.error, "the variable refuses the value: ", variable.pointee.text.bytes)
            return false
        }
        return true
    }

    /// With constant inner name and index.
    @inline(__always)
    private func bareAccess(to variable: UnsafePointer<CompiledVariable>) -> apus_access {
        var access = variable.pointee.access
        access.run = OpaquePointer(self)
        access.msg = OpaquePointer(pointee.message.record)
        access.route_kind = pointee.routeKind
        return access
    }

    /// A dynamic inner name and index, evaluated.
    @inline(__always)
    private func prepare(_ access: inout apus_access, for variable: UnsafePointer<CompiledVariable>) -> Bool {
        if variable.pointee.innerFormat != nil || variable.pointee.indexVariable != nil {
            return prepareDynamic(&access, variable)
        }
        return true
    }

    @inline(never)
    private func prepareDynamic(_ access: inout apus_access, _ variable: UnsafePointer<CompiledVariable>) -> Bool {
        if let format = variable.pointee.innerFormat {
            guard let inner = expand(format) else { return false }
            access.inner = inner
        }
        if let index = variable.pointee.indexVariable {
            var value = apus_value.null
            guard read(index, into: &value) else { return false }
            access.index = value.int
            access.index_kind = UInt32(APUS_INDEX_NUMBER)
        }
        return true
    }

    /// A text with its variables expanded, null ones as `<null>`, those whose transformations had nothing to work on as nothing, as Kamailio
    /// prints them; nil (with a log line) when it grows too long.
    func expand(_ format: UnsafePointer<CompiledFormat>) -> apus_str? {
        let pieces = format.pointee.pieces
        if format.pointee.count == 1, let only = pieces.pointee.variable {
            return printed(only)
        }
        let limit = pointee.image.pointee.limits.maxText
        // The pieces' texts first, so that the place for all of them can be asked for at once.
        return withUnsafeTemporaryAllocation(of: apus_str.self, capacity: format.pointee.count) { texts in
            var length = 0
            for index in 0..<format.pointee.count {
                var text: apus_str? = pieces[index].text
                if let variable = pieces[index].variable {
                    text = printed(variable)
                }
                guard let text else { return nil }
                length += text.len
                (texts.baseAddress! + index).initialize(to: text)
            }
            guard length <= limit, let place = allocate(length) else {
                logAtStatement(.error, "a text grew too long (pv_buffer_size)")
                return nil
            }
            var cursor = place
            for text in texts {
                if let s = text.s { memcpy(cursor, s, text.len) }
                cursor += text.len
            }
            return apus_str(s: place.assumingMemoryBound(to: CChar.self), len: length)
        }
    }

    @inline(__always)
    private func printed(_ variable: UnsafePointer<CompiledVariable>) -> apus_str? {
        var value = apus_value.null
        if read(variable, into: &value) { return text(of: value) }
        return variable.pointee.transformationCount > 0 ? apus_str() : apus_str("<null>")
    }
}

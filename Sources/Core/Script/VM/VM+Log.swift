import PluginAPI

extension UnsafeMutablePointer<Run> {
    /// File and line of the statement that the machine works on.
    var statement: (file: apus_str, line: UInt32) {
        let image = pointee.image
        let index = max(0, min(Int(pointee.pc) - 1, image.pointee.codeCount - 1))
        let position = image.pointee.positions[index]
        return (image.pointee.files[Int(position.file)], position.line)
    }

    /// Name of the route block that the statement stands in: the code of one follows that of another.
    var routeName: apus_str {
        let image = pointee.image
        let at = pointee.pc - 1
        var found: UnsafePointer<CompiledRoute>?
        for index in 0..<image.pointee.routeCount {
            let route = image.pointee.routes + index
            guard route.pointee.entry <= at else { continue }
            if found.map({ $0.pointee.entry < route.pointee.entry }) ?? true { found = route }
        }
        return found?.pointee.name ?? apus_str()
    }

    /// The machine's own complaints, with the statement's place; limited, since traffic causes them.
    @inline(never)
    func logAtStatement(_ level: LogLevel, _ text: StaticString, _ detail: Bytes = .empty) {
        let (file, line) = statement
        Log.limited(level, text) { entry in
            entry.add(detail)
            entry.add(" (")
            entry.add(file.bytes)
            entry.add(":")
            entry.add(Int(line))
            entry.add(")")
        }
    }
}

import PluginAPI

extension UnsafeMutablePointer<Run> {
    /// File and line of the statement that the machine works on.
    var statement: (file: apus_str, line: UInt32) {
        let image = pointee.image
        let index = max(0, min(Int(pointee.pc) - 1, image.pointee.codeCount - 1))
        let position = image.pointee.positions[index]
        return (image.pointee.files[Int(position.file)], position.line)
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

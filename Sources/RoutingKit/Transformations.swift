import PluginKit

/// See `apus_transformation.apply`.
public typealias TransformationStep =
    @convention(c) (Access, UnsafePointer<apus_arg>?, UnsafeMutablePointer<apus_value>) -> CInt

extension UnsafePointer<apus_host> {
    /// In `declare`: a transformation, `{class.operation}`; the kinds of arguments stand in apus/vars.h.
    public func transformation(
        _ name: StaticString, _ arguments: StaticString = "", doc: StaticString, prepare: Preparation? = nil,
        apply: @escaping TransformationStep
    ) {
        var made = apus_transformation(
            size: UInt32(MemoryLayout<apus_transformation>.size), flags: 0, name: name.text, doc: doc.text,
            apply: apply, user: nil, args: arguments.text, prepare: prepare)
        _ = pointee.vars.pointee.add_transformation(self, &made)
    }
}

extension StaticString {
    fileprivate var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

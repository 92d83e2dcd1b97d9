import PluginKit

extension UnsafePointer<apus_host> {
    /// In `start` and on workers: a global parameter of the core, its default if it is not set; $null when there is none of that name.
    public func core(_ name: apus_str) -> apus_value {
        var value = apus_value()
        return pointee.config.pointee.core(self, name, &value) > 0 ? value : apus_value()
    }
}

extension apus_value {
    /// As a global parameter that is yes or no.
    public var isOn: Bool { isInt ? num != 0 : str.equalsIgnoringCase("yes") || str.equalsIgnoringCase("on") }
}

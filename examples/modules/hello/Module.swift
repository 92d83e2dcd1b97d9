import PluginKit

private let module = Module("hello", version: "1.0", summary: "The smallest module, in Swift") { host in
    host.function("hello", "text:format", doc: "Logs the text.") { call in
        call.log(.info, call.text(0))
        return .true
    }
}

@c(apus_module_hello)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

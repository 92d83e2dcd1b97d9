import PluginKit

private nonisolated(unsafe) let settings = permanent(Settings())

/// What `modparam` sets: examples for authors of modules, used by nothing.
private struct Settings {
    var text = apus_str()
    var number: Int64 = 0
}

private var parameters: [Parameter<Settings>] {
    [
        .text("str_param", \.text, doc: "A text, for authors of modules to look at; it has no effect."),
        .number("int_param", \.number, 0, 0...0, doc: "A number of the same kind."),
    ]
}

private let module = Module(
    "print", version: "1.0", summary: "Texts on the standard output",
    declare: { host in
        host.declare(parameters, in: settings)
        host.function(
            "print", "text:format", doc: "Writes the text to the server's standard output.", call: printText)
    })

@c(apus_module_print)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

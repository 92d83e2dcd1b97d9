import PluginKit

private let module = Module(
    "cfg_rpc", version: "1.0", summary: "Commands for parameters that change while the server runs"
) { host in
    declareReading(host)
    declareChanging(host)
    declareDelaying(host)
    declareInstances(host)
}

@c(apus_module_cfg_rpc)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

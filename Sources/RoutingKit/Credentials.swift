import PluginKit

extension apus_credentials: Sized {}

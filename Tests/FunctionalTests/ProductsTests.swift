import Testing

/// What is shipped: the release build's programs and modules.
@Suite struct ProductsTests {
    /// Foundation costs 60 MB and a slow start; nothing that is shipped may pull it in, not even through a library.
    @Test func nothingLinksFoundation() throws {
        let products =
            ["apus"] + Products.names(in: Products.folder).filter { $0.hasPrefix("lib") && $0.hasSuffix(".so") }
        for name in products {
            let result = try run("ldd", [Products.path(name)])
            #expect(result.succeeded, "ldd \(name): \(result.errors)")
            #expect(result.output.contains("libc.so"), "\(name)")
            #expect(!result.output.contains("Foundation"), "\(name) links Foundation")
            #expect(!result.output.contains("not found"), "\(name): \(result.output)")
        }
    }
}

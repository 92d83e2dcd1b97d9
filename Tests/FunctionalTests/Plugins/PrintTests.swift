import Testing

@Suite struct PrintTests {
    @Test func textsGoToTheStandardOutput() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let file = try folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "print.so"
            modparam("print", "str_param", "AAA")
            modparam("print", "int_param", 5)
            event_route[core:worker-one-init] { print("printed by $rm\\n"); drop; }
            request_route { exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"], folder: folder.path)
        #expect(result.output == "printed by OPTIONS\n")
    }
}

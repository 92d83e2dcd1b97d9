import Testing

@Suite struct PvTests {
    @Test func variablesAreTested() throws {
        let codes = try Probe.codes(
            ["pv"],
            [
                "pv_isset(\"$avp(x)\")", "typeof(\"$avp(x)\", \"null\")", "not_empty(\"$avp(x)\")",
                "$avp(x) = 5; is_int(\"$avp(x)\")", "typeof(\"$avp(x)\", \"int\")", "typeof(\"$avp(x)\", \"str\")",
                "$avp(y) = \"t\"; is_int(\"$avp(y)\")", "typeof(\"$avp(y)\", \"str\")", "not_empty(\"$avp(y)\")",
                "pv_isset(\"$avp(y)\")", "pv_unset(\"$avp(y)\")", "pv_isset(\"$avp(y)\")", "not_empty(\"$rU\")",
            ])
        #expect(codes == [-1, 1, -1, 1, 1, -1, -1, 1, 1, 1, 1, -1, 1])
    }
}

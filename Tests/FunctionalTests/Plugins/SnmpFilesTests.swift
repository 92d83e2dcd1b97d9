import Testing

/// The MIB files.
@Suite struct SnmpFilesTests {
    private static let names = ["REG-MIB", "TC", "SIP-COMMON-MIB", "SIP-SERVER-MIB", "MIB"]

    /// smilint has nothing to say at level 3.
    @Test(arguments: ["KAMAILIO", "OPENSER"])
    func filesAreClean(family: String) throws {
        let folder = try TemporaryFolder()
        let config = try folder.write(
            "smi.conf", "path \(Products.sources)/mibs:\(Products.sources)/Tests/MIBs\n")
        for name in Self.names {
            let file = "\(Products.sources)/mibs/\(family)-\(name)"
            let result = try run("smilint", ["-c", config, "-l", "3", file])
            #expect(
                result.succeeded && result.output.isEmpty && result.errors.isEmpty, "\(result.output)\(result.errors)")
        }
        // It does find mistakes.
        let text = try #require(readText("\(Products.sources)/mibs/\(family)-TC"))
        let broken = try folder.write("\(family)-BROKEN", text.replacing("TEXTUAL-CONVENTION\n", with: "TEXTUAL\n"))
        let result = try run("smilint", ["-c", config, "-l", "3", broken])
        #expect(!(result.output + result.errors).isEmpty)
    }

    /// The OpenSER family is what scripts/mibs makes of the Kamailio family.
    @Test func familiesAgree() throws {
        let folder = try TemporaryFolder()
        let made = try run("\(Products.sources)/scripts/mibs", [folder.path])
        try #require(made.succeeded, "\(made.errors)")
        for name in Self.names {
            let committed = try #require(readText("\(Products.sources)/mibs/OPENSER-\(name)"))
            #expect(folder.read("OPENSER-\(name)") == committed, "run scripts/mibs")
        }
    }

    /// A machine without Net-SNMP's library: the loader says which package has it.
    @Test func theMissingLibraryIsNamed() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/snmpstats.so"
        let copied = try run("cp", [try Products.path("libsnmpstats.so"), file])
        try #require(copied.succeeded, "\(copied.errors)")
        let needs = try run("patchelf", ["--print-needed", file])
        let library = try #require(needs.output.split(separator: "\n").first { $0.hasPrefix("libnetsnmpagent.so") })
        let changed = try run("patchelf", ["--replace-needed", String(library), "libnetsnmpagent.so.0", file])
        try #require(changed.succeeded, "\(changed.errors)")
        let result = try Server.check("loadmodule \"\(file)\"\nrequest_route { exit; }\n")
        let said = result.output + result.errors
        #expect(!result.succeeded && said.contains("libsnmp40"), "\(said)")
    }

    /// Both families load together, and their names are found.
    @Test func namesAreFound() throws {
        let environment = [
            "MIBDIRS": "\(Products.sources)/mibs:\(Products.sources)/Tests/MIBs", "MIBS": "ALL",
            "SNMPCONFPATH": "/nowhere",
        ]
        let result = try run("snmptranslate", ["-TBd", "openserSIPEntityType"], environment: environment)
        #expect(result.succeeded && result.errors.isEmpty, "\(result.errors)")
        for text in [
            "OPENSER-SIP-COMMON-MIB::openserSIPEntityType", "-- TEXTUAL CONVENTION OpenSERSIPEntityRole",
            "registrarServer(4)",
            "MAX-ACCESS\tread-only", "STATUS\tcurrent", "DESCRIPTION",
        ] {
            #expect(result.output.contains(text), "\(result.output)")
        }
        let numbers = try run(
            "snmptranslate", ["-IR", "-On", "kamailioDialogLimitMajorEvent", "openserNetConfOutbound"],
            environment: environment)
        #expect(
            numbers.output.split(separator: "\n").filter { !$0.isEmpty } == [
                ".1.3.6.1.4.1.34352.3.1.3.2.0.4", ".1.3.6.1.4.1.27483.3.1.3.1.4.4.12",
            ], "\(numbers.output)\(numbers.errors)")
    }
}

/// Runs apusctl, undisturbed by what the machine has set for it.
enum Apusctl {
    static func run(
        _ arguments: [String], folder: borrowing TemporaryFolder, settings: String = "",
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) throws -> ToolResult {
        let file = try folder.write("apusctlrc", settings)
        var variables = ["APUSCTLRC": file, "APUS_CTL": "", "SER_FIFO": "", "OSER_FIFO": "", "TZ": "UTC"]
        variables.merge(environment) { $1 }
        return try FunctionalTests.run(
            try Products.path("apusctl"), arguments, within: limit, environment: variables, folder: folder.path)
    }
}
